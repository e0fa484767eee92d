"""Adapters of the ChatBackend port."""
