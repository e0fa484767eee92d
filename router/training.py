"""Training of the classifier from outcomes, with numpy alone: penalised logistic regression by Newton's method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from router.classifier import Classifier, Known, Layout, digest, nearness, sigmoid
from router.features import NAMES, Floats

#: Fewer questions than this teach nothing that would carry over.
LEAST = 100
#: Penalty of a squared weight, per question of average weight.
PENALTY = 10.0
#: A source with fewer questions than the average weighs more per question, by this power: a large source may not
#: drown a small one, and a small one may not rule.
BALANCE = 0.2
DIRECTIONS = 32
REGIONS = 8
ANCHORS = 1_000
#: Share of the training questions that count as far from the anchors.
FAR_SHARE = 0.01
FOLDS = 3
_STEPS = 5
_UNPENALISED = 1e-6
#: A feature that varies less than this, in its own units, is constant but for rounding.
_CONSTANT = 1e-6

#: Called with how many heads are fitted, and how many there are.
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Outcomes laid out for training; every array has n rows.

    Attributes:
        questions: the texts.
        vectors: their unit embeddings, shape [n, dimension].
        found: features, shape [n, len(NAMES)].
        quality: of the small and the large model's answers, 0 to 1, shape [n, 2].
        sources: where each outcome is from: it balances the sources and is no feature.
    """

    questions: npt.NDArray[np.object_]
    vectors: npt.NDArray[Any]
    found: Floats
    quality: Floats
    sources: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.quality)

    def take(self, places: npt.NDArray[Any]) -> Table:
        """The rows at these places, or where the mask is true."""
        return Table(
            questions=self.questions[places],
            vectors=self.vectors[places],
            found=self.found[places],
            quality=self.quality[places],
            sources=self.sources[places],
        )


def train(
    table: Table,
    *,
    embedder: str,
    seed: int = 0,
    record: Mapping[str, Any] | None = None,
    watch: Watch = lambda _done, _all: None,
) -> Classifier:
    """Weights for these outcomes; the same table and seed give the same weights.

    Both heads are calibrated by a straight line on the log odds (Platt 1999) of questions left out of the fit. The
    threshold is the one at which half of the training questions go large: calibrate it for a pair and a target.

    Raises:
        ValueError: too few outcomes, or a model that is always right or always wrong.
    """
    _check(table)
    rng = np.random.default_rng(seed)
    layout = _layout(table, rng)
    rows = _with_one(layout.rows(table.vectors, table.found))
    importance = balance(table.sources)
    folds = rng.permutation(len(table)) % FOLDS
    heads = []
    for head, quality in enumerate(table.quality.T):
        held_out = np.empty(len(table))
        for fold in range(FOLDS):
            inside = folds != fold
            held_out[~inside] = rows[~inside] @ _fit(rows[inside], quality[inside], importance[inside])
            watch(head * (FOLDS + 1) + fold + 1, 2 * (FOLDS + 1))
        slope, offset = platt(held_out, quality)
        weights = slope * _fit(rows, quality, importance)
        weights[-1] += offset
        heads.append(weights)
        watch((head + 1) * (FOLDS + 1), 2 * (FOLDS + 1))
    both = np.array(heads)
    chances = sigmoid(rows @ both.T)
    return Classifier(
        embedder=embedder,
        threshold=float(np.median(chances[:, 1] - chances[:, 0])),
        layout=layout,
        weights=both[:, :-1],
        bias=both[:, -1],
        known=_known(table, rng),
        record={"n": len(table), "seed": seed, **(record or {})},
    )


def balance(sources: npt.NDArray[np.str_]) -> Floats:
    """Weight of each outcome, mean 1: see `BALANCE`."""
    _, place, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights = (1.0 / counts[place]) ** BALANCE
    return np.asarray(weights / weights.mean())


def platt(scores: Floats, quality: Floats) -> tuple[float, float]:
    """Slope and offset that make log odds of scores (Platt 1999); never turns an order around."""
    rows = _with_one(scores[:, None])
    slope, offset = _fit(rows, quality, np.ones(len(quality)), penalty=_UNPENALISED)
    return max(float(slope), 0.0), float(offset)


def _check(table: Table) -> None:
    if len(table) < LEAST:
        raise ValueError(f"{len(table)} outcomes are too few to train on; {LEAST} are the least")
    for name, quality in zip(("small", "large"), table.quality.T, strict=True):
        if quality.min() == quality.max():
            raise ValueError(f"every outcome of the {name} model is {quality[0]:g}: there is nothing to learn")


def _fit(rows: Floats, quality: Floats, importance: Floats, penalty: float = PENALTY) -> Floats:
    """Weights of a penalised logistic regression on qualities of 0 to 1, the last one (the bias) free."""
    penalties = np.full(rows.shape[1], penalty)
    penalties[-1] = _UNPENALISED
    weights = np.zeros(rows.shape[1])
    rows32 = rows.astype(np.float32)  # exact enough for the curvature; the gradient decides where it ends
    for _ in range(_STEPS):
        chance = sigmoid(rows @ weights)
        curvature = importance * chance * (1.0 - chance) + _UNPENALISED
        gradient = rows.T @ (importance * (quality - chance)) - penalties * weights
        halved = rows32 * np.sqrt(curvature).astype(np.float32)[:, None]  # a product with itself costs half
        hessian = (halved.T @ halved).astype(np.float64) + np.diag(penalties)
        weights = weights + np.linalg.solve(hessian, gradient)
    return weights


def _layout(table: Table, rng: np.random.Generator) -> Layout:
    vectors = table.vectors.astype(np.float64)
    centre = vectors.mean(axis=0)
    centred = vectors - centre
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :DIRECTIONS].T
    told = ~np.isnan(table.found).all(axis=0)
    mean, scale = np.zeros(len(NAMES)), np.zeros(len(NAMES))
    mean[told], scale[told] = np.nanmean(table.found[:, told], axis=0), np.nanstd(table.found[:, told], axis=0)
    scale[scale < _CONSTANT] = 0.0
    regions = k_means(centred @ directions.T, REGIONS, rng)
    return Layout(centre=centre, directions=directions, regions=regions, mean=mean, scale=scale)


def k_means(points: Floats, k: int, rng: np.random.Generator, rounds: int = 20) -> Floats:
    """Centroids (Lloyd 1982), shape [k, points.shape[1]]; one that loses all its points stays where it is."""
    centroids = points[rng.choice(len(points), k, replace=False)]
    for _ in range(rounds):
        nearest = ((points[:, None] - centroids) ** 2).sum(axis=2).argmin(axis=1)
        centroids = np.array(
            [points[nearest == i].mean(axis=0) if (nearest == i).any() else centroids[i] for i in range(k)]
        )
    return centroids


def _known(table: Table, rng: np.random.Generator) -> Known:
    """Anchors drawn from the questions; the distance of the others to them sets what is far."""
    shuffled = table.vectors[rng.permutation(len(table))].astype(np.float32)
    n_anchors = min(ANCHORS, len(table) // 2)
    anchors, others = shuffled[:n_anchors], shuffled[n_anchors:]
    far = float(np.quantile(nearness(others @ anchors.T), 1.0 - FAR_SHARE))
    digests = np.unique(np.array([digest(question) for question in table.questions], np.uint64))
    return Known(anchors=anchors, far=far, digests=digests)


def _with_one(rows: Floats) -> Floats:
    return np.hstack([rows, np.ones((len(rows), 1))])
