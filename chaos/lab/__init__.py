"""Servers to break: stand-ins that speak a real protocol on a real socket."""
