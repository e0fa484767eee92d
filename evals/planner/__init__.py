"""How much of what a load needs, and what it costs: a queueing simulation fed by a measured run."""
