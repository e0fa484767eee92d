"""A TCP fault proxy that Toxiproxy's clients drive unmodified, with request-level faults of its own."""
