"""The application: HTTP API, request pipeline, retrieval, ingestion, composition root."""

from rag.version import __version__

__all__ = ["__version__"]
