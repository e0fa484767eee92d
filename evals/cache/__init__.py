"""Measuring the cache decision, and making the data that it ships with."""
