"""Outcomes made by rule: what training must find again."""

import numpy as np

from router.features import features
from router.training import Table

DIMENSION = 16


def made_table(n=600, seed=0):
    """The large model is right; the small one where the first coordinate of the embedding is positive, mostly."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    questions = np.array([f"What is {seed:03}{i:06}?" for i in range(n)], object)
    small = (vectors[:, 0] + 0.05 * rng.normal(size=n) > 0).astype(float)
    large = (rng.random(n) < 0.95).astype(float)
    return Table(
        questions=questions,
        vectors=vectors.astype(np.float32),
        found=np.array([features(question) for question in questions]),
        quality=np.stack([small, large], axis=1),
        sources=np.array(["a"] * (n // 3) + ["b"] * (n - n // 3)),
    )
