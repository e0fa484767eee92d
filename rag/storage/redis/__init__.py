"""The document log, its followers and the job queue in Redis, for replicas that share them."""
