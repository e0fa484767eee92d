"""The learned pair scorer: a calibrated probability that two questions want the same answer; numpy alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cache.features import NAMES

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

#: Raised when features change their meaning, so that weights trained for others are refused.
FORMAT = 2
_DEFAULT = "scorer.npz"


@dataclass(frozen=True, slots=True)
class Forest:
    """Boosted regression trees (Friedman 2001), one row a tree, all rows of one length; a leaf points at itself."""

    feature: Ints
    limit: Floats
    left: Ints
    right: Ints
    value: Floats
    depth: int

    def __call__(self, rows: Floats) -> Floats:
        """The sum of the trees' values for each of the rows, shape [n]."""
        trees = np.arange(len(self.feature))
        places = np.zeros((len(rows), len(trees)), np.int32)
        for _ in range(self.depth):
            values = np.take_along_axis(rows, self.feature[trees, places], axis=1)
            places = np.where(values <= self.limit[trees, places], self.left[trees, places], self.right[trees, places])
        return np.asarray(self.value[trees, places].sum(axis=1), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Weights with what they belong to.

    Attributes:
        embedder: the model whose vectors the weights were trained on.
        threshold: the operating point: the probability from which on an answer is served.
        overrules: vetoes that the scorer has learned to weigh, so that they are no conflict by themselves.
        weights: linear part over the features, shape [len(NAMES)].
        bias: what the linear part starts from.
        forest: trees over the features and the projected sum of both vectors; None for the linear part alone.
        projection: shape [k, dimension], see `forest`.
        calibration: slope and offset that make the score the log odds (Platt 1999).
        trained_on: what the weights were trained on, in words.
    """

    embedder: str
    threshold: float
    weights: Floats
    bias: float
    overrules: frozenset[str] = frozenset()
    forest: Forest | None = None
    projection: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    calibration: tuple[float, float] = (1.0, 0.0)
    trained_on: str = ""

    @property
    def wanted(self) -> frozenset[str]:
        """The features that the score depends on."""
        return frozenset(name for name, weight in zip(NAMES, self.weights, strict=True) if weight or self.forest)

    @property
    def ceiling(self) -> float:
        """The probability that a pair with a conflict is held to: just below the operating point."""
        return math.nextafter(self.threshold, 0.0)

    def probabilities(self, features: Floats, sums: Floats) -> Floats:
        """Chance of each pair that one answer serves both questions.

        Args:
            features: shape [n, len(NAMES)], see `cache.features`.
            sums: both questions' unit vectors added up, shape [n, dimension].
        """
        score = features @ self.weights + self.bias
        if self.forest is not None:
            score = score + self.forest(np.hstack([features, sums @ self.projection.T]))
        slope, offset = self.calibration
        return np.asarray(1.0 / (1.0 + np.exp(-(slope * score + offset))), np.float32)

    def save(self, path: Path) -> None:
        """Write the weights as a numpy archive, without pickled objects."""
        about = {
            "format": FORMAT,
            "features": NAMES,
            "embedder": self.embedder,
            "threshold": self.threshold,
            "bias": self.bias,
            "overrules": sorted(self.overrules),
            "calibration": self.calibration,
            "trained_on": self.trained_on,
            "depth": self.forest.depth if self.forest else 0,
        }
        arrays: dict[str, Any] = {"weights": self.weights, "projection": self.projection}
        if self.forest is not None:
            arrays |= {name: getattr(self.forest, name) for name in _FOREST}
        with path.open("wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: Path) -> Scorer:
        """Read weights that `save` wrote.

        Raises:
            ValueError: the file holds something else, or weights for other features.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = dict(archive)
            about = json.loads(str(arrays.pop("about")))
        except (OSError, EOFError, KeyError, ValueError) as error:
            raise ValueError(f"{path} holds no weights of a pair scorer: {error}") from error
        if about.get("format") != FORMAT or tuple(about.get("features", ())) != NAMES:
            raise ValueError(f"{path} was trained for other features; train it again: steadyrag cache train")
        forest = Forest(**{name: arrays[name] for name in _FOREST}, depth=about["depth"]) if about["depth"] else None
        return cls(
            embedder=about["embedder"],
            threshold=about["threshold"],
            weights=arrays["weights"],
            bias=about["bias"],
            overrules=frozenset(about["overrules"]),
            forest=forest,
            projection=arrays["projection"],
            calibration=(about["calibration"][0], about["calibration"][1]),
            trained_on=about["trained_on"],
        )


_FOREST = ("feature", "limit", "left", "right", "value")


@cache
def default_scorer() -> Scorer:
    """The weights that ship with the package, for all-MiniLM-L6-v2; docs/decisions says what they were trained on."""
    with as_file(files("cache.data").joinpath(_DEFAULT)) as path:
        return Scorer.load(path)
