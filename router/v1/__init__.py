"""Generated protobuf and gRPC code of the public contract; write nothing here by hand."""
