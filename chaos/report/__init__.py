"""One picture of what an experiment did: an HTML page from result folders."""
