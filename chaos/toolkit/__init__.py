"""The Chaos Toolkit extension: what experiments do to the system, what they ask of it, and when they are given up."""
