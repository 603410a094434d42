"""Deferred jobs on their way through providers' batch files, kept in a store of their own.

Unlike the rest of the router this stores prompts, because its caller asks for that. It calls
nobody: files are written here, and sent by whoever runs it.
"""
