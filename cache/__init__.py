"""Leaf library: may a stored answer be served? Knows nothing of HTTP, Qdrant, models or metrics back ends."""
