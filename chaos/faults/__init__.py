"""Faults without a proxy: in process, at the seams that `rag.compose` wraps, and on processes that we started."""
