"""Whether a candidate is worse than the baseline."""
