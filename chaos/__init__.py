"""Faults, experiments and reports; stands outside the request path."""
