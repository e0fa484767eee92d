"""Open-loop load: arrivals, questions, a lean client, the generator, its report, and a stub model to aim it at."""
