"""Benches: ratios measured in one run; absolute figures are those of the machine that ran them."""
