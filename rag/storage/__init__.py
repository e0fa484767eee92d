"""The data folder: its lock, its SQLite database, the document log and what it describes."""
