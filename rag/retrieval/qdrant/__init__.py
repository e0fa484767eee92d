"""The dense index on a Qdrant cluster, by `qdrant-client` over gRPC (the extra `qdrant`)."""
