"""From files and uploads to passages: reading, cutting, naming."""
