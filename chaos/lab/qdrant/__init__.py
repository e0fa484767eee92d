"""A stand-in for a Qdrant cluster: its gRPC protocol over Edge shards, with shards that can be made to fail."""
