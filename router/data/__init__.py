"""The weights that ship."""
