"""Texts to vectors: export once, run with onnxruntime, batch what waits."""
