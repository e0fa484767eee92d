"""How likely each model is right on a question: two logistic heads on the question's embedding; numpy alone."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from router.features import NAMES, Evidence, Floats, features

#: Raised when features change their meaning, so that weights trained for others are refused.
FORMAT = 2
#: Anchors that a question's distance to the training data is taken from.
NEIGHBOURS = 5
#: Bounds of a standardised feature: beyond them a straight line is not to be trusted.
_CLIP = 4.0
#: How sharply the regions divide, per squared distance along the directions.
_SHARPNESS = 20.0
#: The size of the regions' own part, and of a feature beside the embedding: small weights for small columns is what the
#: penalty of training comes to. A region departs from the rest only where its data insist; and what the wording tells
#: of one kind of question misleads about another, so that it counts only where much speaks for it.
_LOCAL = 0.7
_FEATURE = 0.15
#: Steps of a coordinate of an anchor, which is stored as one byte.
_ANCHOR_STEPS = 127
_LAYOUT = ("centre", "directions", "regions", "mean", "scale")
_DEFAULT = "classifier.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Question and retrieval as one row of numbers.

    The row is the centred embedding, the standardised features, and a part of both again for each region of the
    embedding space, weighed by how much the question belongs to the region: a mixture of linear experts (Jacobs et
    al. 1991) whose gate has seen no label.

    Attributes:
        centre: mean embedding, shape [dimension].
        directions: principal directions of the embedding, shape [k, dimension].
        regions: centroids along the directions, shape [regions, k].
        mean: of the features, shape [len(NAMES)].
        scale: standard deviation of the features; 0.0 for one that the training data never tell: it is left out.
    """

    centre: Floats
    directions: Floats
    regions: Floats
    mean: Floats
    scale: Floats

    def rows(self, vectors: npt.NDArray[Any], found: Floats) -> Floats:
        """Shape [n, width] for embeddings, shape [n, dimension], and features, shape [n, len(NAMES)]."""
        centred = vectors - self.centre
        standard = _FEATURE * self._standardised(found)
        along = centred @ self.directions.T
        local = np.hstack([along, standard])
        gated = _LOCAL * self._gate(along)[:, :, None] * local[:, None, :]
        return np.hstack([centred, standard, gated.reshape(len(centred), -1)])

    def _standardised(self, found: Floats) -> Floats:
        scale = np.where(self.scale > 0, self.scale, np.inf)
        return np.clip(np.nan_to_num((found - self.mean) / scale, nan=0.0), -_CLIP, _CLIP)

    def _gate(self, along: Floats) -> Floats:
        squared = ((along[:, None, :] - self.regions) ** 2).sum(axis=2)
        weights = np.exp(-_SHARPNESS * (squared - squared.min(axis=1, keepdims=True)))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The training questions, so far as they tell whether another one is like them.

    Attributes:
        anchors: unit vectors of some of them, shape [n, dimension], float32.
        far: the distance that few of the others exceed.
        digests: of all training questions, see `digest`; sorted, uint64.
    """

    anchors: npt.NDArray[np.float32]
    far: float
    digests: npt.NDArray[np.uint64]

    def has_seen(self, questions: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of the questions were trained on, word for word, shape [n]."""
        return np.isin(np.array([digest(question) for question in questions], np.uint64), self.digests)

    def are_far(self, vectors: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which questions are unlike all of these, shape [n], by their embeddings, shape [n, dimension]."""
        return np.asarray(nearness(vectors @ self.anchors.T) > self.far)


def digest(question: str) -> int:
    """Names a question, so that a judge can tell whether the classifier was trained on it."""
    return int.from_bytes(hashlib.blake2b(question.encode(), digest_size=8).digest())


def nearness(cosines: npt.NDArray[Any]) -> Floats:
    """One less the mean of each row's `NEIGHBOURS` largest cosines, shape [n]."""
    nearest = np.partition(cosines, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    return np.asarray(1.0 - nearest.mean(axis=1), np.float64)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected of both models.

    Attributes:
        small: probability that the small model is right (its expected quality, 0 to 1).
        large: the same of the large model.
        far: whether the question is unlike those that the classifier was trained on.
        wordwise: whether there was no embedding, so that the features alone speak.
    """

    small: float
    large: float
    far: bool = False
    wordwise: bool = False

    @property
    def gain(self) -> float:
        """What the large model is expected to add, -1 to 1: the score that routing goes by."""
        return self.large - self.small


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """Weights with what they belong to.

    Attributes:
        embedder: the model whose vectors the weights were trained on.
        threshold: the gain from which on the large model is asked.
        layout: how a question becomes a row.
        weights: of both heads, small first, shape [2, width].
        bias: shape [2].
        known: what the training questions looked like.
        record: how the weights came about: data, counts, date, seed, licence, and the calibration of the threshold.
    """

    embedder: str
    threshold: float
    layout: Layout
    weights: Floats
    bias: Floats
    known: Known
    record: Mapping[str, Any]

    def predict(self, question: str, vector: npt.NDArray[Any] | None, evidence: Evidence | None = None) -> Prediction:
        """The prediction for one question with its unit embedding, shape [dimension].

        Without one the mean embedding of the training questions stands in for it: the features alone speak.
        """
        placed = self.layout.centre if vector is None else vector
        small, large = self.probabilities(placed[None], features(question, evidence)[None])[0]
        if vector is None:
            return Prediction(float(small), float(large), wordwise=True)
        return Prediction(float(small), float(large), bool(self.known.are_far(vector[None])[0]))

    def probabilities(self, vectors: npt.NDArray[Any], found: Floats) -> Floats:
        """Chance of the small and of the large model to be right, shape [n, 2]; see `Layout.rows`."""
        return sigmoid(self.layout.rows(vectors, found) @ self.weights.T + self.bias)

    def with_threshold(self, threshold: float, calibration: Mapping[str, Any]) -> Classifier:
        """The same weights with another operating point, and how that was found."""
        return replace(self, threshold=threshold, record={**self.record, "calibration": dict(calibration)})

    def save(self, path: Path) -> None:
        """Write a numpy archive without pickled objects."""
        about = {
            "format": FORMAT,
            "features": NAMES,
            "embedder": self.embedder,
            "threshold": self.threshold,
            "far": self.known.far,
            "record": dict(self.record),
        }
        layout = {name: getattr(self.layout, name).astype(np.float32) for name in _LAYOUT}
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                weights=self.weights.astype(np.float32),
                bias=self.bias.astype(np.float32),
                digests=self.known.digests,
                anchors=np.rint(self.known.anchors * _ANCHOR_STEPS).astype(np.int8),
                **layout,
            )

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read what `save` wrote.

        Raises:
            ValueError: the file holds something else, or weights for other features.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return cls._from_arrays(dict(archive))
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} holds no weights of a routing classifier: {error}") from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Classifier:
        about = json.loads(str(arrays["about"]))
        if about["format"] != FORMAT or tuple(about["features"]) != NAMES:
            raise ValueError("it was trained for other features; train it again: steadyrag router train")
        anchors = arrays["anchors"].astype(np.float32)
        anchors /= np.linalg.norm(anchors, axis=1, keepdims=True)
        return cls(
            embedder=about["embedder"],
            threshold=about["threshold"],
            layout=Layout(**{name: arrays[name].astype(np.float64) for name in _LAYOUT}),
            weights=arrays["weights"].astype(np.float64),
            bias=arrays["bias"].astype(np.float64),
            known=Known(anchors=anchors, far=about["far"], digests=arrays["digests"]),
            record=about["record"],
        )


def sigmoid(values: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-values)))


@cache
def default_classifier() -> Classifier:
    """The weights that ship with the package, for all-MiniLM-L6-v2; their record says what they were trained on."""
    with as_file(files("router.data").joinpath(_DEFAULT)) as path:
        return Classifier.load(path)
