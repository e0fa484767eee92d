"""The report of evaluation runs: one HTML page that shows and compares them."""
