"""Leaf library: which model answers, and how it is called. Knows nothing of HTTP servers, retrieval or the cache."""
