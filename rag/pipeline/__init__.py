"""One request, top to bottom: `pipeline.py` reads like the diagram, each stage is a module."""
