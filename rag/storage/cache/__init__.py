"""Where stored answers lie besides Redis."""
