"""Training and judging the choice between the small and the large model."""
