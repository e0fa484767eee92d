"""Recorded runs to figures and verdicts: pure functions, no files, no clock."""
