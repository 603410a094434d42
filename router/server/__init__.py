"""The gRPC server around the engine: translation, errors, health, start and stop."""
