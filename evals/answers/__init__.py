"""How good answers and their citations are, on questions whose answers are known."""
