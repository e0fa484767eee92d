"""A battery of commands from one file, which goes on where it was stopped."""
