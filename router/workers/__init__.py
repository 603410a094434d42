"""Several worker processes on one port, kept up by a control process that serves no calls itself.

``control`` is the parent, ``worker`` the child; a socket between them carries one line at a time.
"""
