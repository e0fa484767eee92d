"""How well and how fast passages are found, on judged collections."""
