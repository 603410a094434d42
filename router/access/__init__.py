"""Who may call: API keys, what they may do and how much. No gRPC is known here."""
