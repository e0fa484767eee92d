"""Measurement: benches, quality suites and load; stands outside the request path."""
