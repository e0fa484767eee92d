"""Trains the pair scorer on labelled pairs and picks its operating point; needs scikit-learn (extra `train`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cache.alignment import align
from cache.bounds import at_least, reaches
from cache.features import NAMES, features
from cache.question import Parsed
from cache.scorer import Floats, Forest, Scorer
from cache.veto import VETOES, decisive

#: Directions of the questions' space that the trees see.
DIRECTIONS = 128
FOLDS = 4
#: Fewer pairs than this say nothing about a precision of 0.95: with 59 right of 59 the lower bound is 0.95.
MIN_PAIRS = 200
#: Vetoes that a trained scorer weighs instead of being bound by them; the others are facts, not wording.
WEIGHED = frozenset(VETOES) - {"number", "negation", "polarity", "direction"}
_NEVER = 1.01
_BINS = 10
_TREES: dict[str, Any] = {
    "max_iter": 250,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "max_depth": 6,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "max_features": 0.3,
    "early_stopping": False,
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled pair: both questions, their unit vectors, and whether one answer serves both."""

    asked: Parsed
    stored: Parsed
    asked_vector: Floats
    stored_vector: Floats
    same: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Pairs as numbers.

    Attributes:
        features: shape [n, len(NAMES)].
        sums: both vectors of each pair added up, shape [n, dimension].
        same: labels, shape [n].
        vetoed: pairs that are refused whatever a trained scorer says, shape [n].
    """

    features: Floats
    sums: Floats
    same: npt.NDArray[np.bool_]
    vetoed: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trained:
    """A scorer and what is known of it from pairs that it was not trained on (cross-validation).

    Attributes:
        threshold: the operating point; above 1, so that nothing is served, where no threshold reaches the target.
        precision: share of the served pairs that are right; None if none is served.
        precision_lower95: its one-sided Clopper-Pearson lower bound.
        recall: share of the pairs with one answer that are served.
        calibration_error: expected calibration error over ten bins (Naeini et al. 2015).
    """

    scorer: Scorer
    n: int
    threshold: float
    precision: float | None
    precision_lower95: float
    recall: float
    calibration_error: float


def tabulate(pairs: Sequence[Labelled], overruled: frozenset[str] = WEIGHED) -> Table:
    """Lay the pairs side by side, once; `overruled` are the vetoes that the scorer is to weigh."""
    rows, vetoed = [], []
    for pair in pairs:
        aligned = align(pair.asked, pair.stored)
        conflict = decisive(aligned, overruled) is not None
        rows.append(features(aligned, conflict=conflict, cosine=float(pair.asked_vector @ pair.stored_vector)))
        vetoed.append(conflict)
    return Table(
        np.stack(rows),
        np.stack([pair.asked_vector + pair.stored_vector for pair in pairs]),
        np.array([pair.same for pair in pairs]),
        np.array(vetoed),
    )


def train(table: Table, *, embedder: str, target_precision: float, seed: int, trained_on: str = "") -> Trained:
    """Train on all pairs; threshold, calibration and figures come from cross-validation.

    Args:
        table: at least `MIN_PAIRS` pairs of both labels.
        embedder: name of the model that made the vectors.
        target_precision: what the lower bound of the precision of the served pairs must reach, 0 to 1.
        seed: the same seed and pairs give the same scorer.
        trained_on: what the pairs are, in words.

    Raises:
        ValueError: too few pairs, or pairs of one label only.
        ImportError: scikit-learn is not installed.
    """
    if len(table.same) < MIN_PAIRS or table.same.all() or not table.same.any():
        raise ValueError(f"at least {MIN_PAIRS} pairs of both labels are needed, there are {len(table.same)}")
    held_out = _held_out(table, seed)
    slope, offset = platt(held_out, table.same)
    probability = sigmoid(slope * held_out + offset)
    threshold = pick_threshold(np.where(table.vetoed, -1.0, probability), table.same, target_precision)
    forest, projection = _grow(table.features, table.sums, table.same, seed)
    scorer = Scorer(
        embedder=embedder,
        threshold=threshold,
        overrules=WEIGHED,
        weights=np.zeros(len(NAMES), np.float32),
        bias=0.0,
        forest=forest,
        projection=projection,
        calibration=(slope, offset),
        trained_on=trained_on,
    )
    served = ~table.vetoed & (probability >= threshold)
    right, n = int(table.same[served].sum()), int(served.sum())
    return Trained(
        scorer=scorer,
        n=len(table.same),
        threshold=threshold,
        precision=right / n if n else None,
        precision_lower95=at_least(right, n),
        recall=right / int(table.same.sum()),
        calibration_error=calibration_error(probability, table.same),
    )


def pick_threshold(probability: npt.NDArray[np.float64], same: npt.NDArray[np.bool_], target: float) -> float:
    """The lowest threshold at which the lower bound of the precision reaches the target; above 1 if none does."""
    order = np.argsort(-probability, kind="stable")
    ordered, right = probability[order], np.cumsum(same[order])
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True) & (ordered >= 0))
    for end in ends[::-1]:
        if reaches(int(right[end]), int(end) + 1, target):
            return float(ordered[end])
    return _NEVER


def calibration_error(probability: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]) -> float:
    """Mean distance of the probability from the share that is right, over ten equal bins weighted by their pairs."""
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    distances = [
        abs(float(probability[bins == each].mean() - same[bins == each].mean())) * float((bins == each).mean())
        for each in np.unique(bins)
    ]
    return sum(distances)


def _held_out(table: Table, seed: int) -> npt.NDArray[np.float64]:
    """The score of each pair from trees that did not see it."""
    folds = np.random.default_rng(seed).permutation(len(table.same)) % FOLDS
    scores = np.zeros(len(table.same))
    for fold in range(FOLDS):
        seen = folds != fold
        forest, projection = _grow(table.features[seen], table.sums[seen], table.same[seen], seed)
        scores[~seen] = forest(np.hstack([table.features[~seen], table.sums[~seen] @ projection.T]))
    return scores


def _grow(features: Floats, sums: Floats, same: npt.NDArray[np.bool_], seed: int) -> tuple[Forest, Floats]:
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - of the extra `train`

    projection = _directions(sums)
    model = HistGradientBoostingClassifier(**_TREES, random_state=seed)
    model.fit(np.hstack([features, sums @ projection.T]), same)
    return _export(model), projection


def _directions(sums: Floats) -> Floats:
    """Principal directions of the sums, shape [at most DIRECTIONS, dimension]; the sign of each is fixed."""
    centred = sums - sums.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    directions = vectors[:, np.argsort(-values)[:DIRECTIONS]].T
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    return np.asarray(directions * signs[:, None], np.float32)


def _export(model: Any) -> Forest:
    """The fitted trees as arrays; the prior goes into the calibration, which moves any constant."""
    trees = [predictor[0].nodes for predictor in model._predictors]
    shape = len(trees), max(map(len, trees))
    feature, left, right = (np.zeros(shape, np.int32) for _ in range(3))
    limit, value = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
    for row, nodes in enumerate(trees):
        places, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        feature[row, places] = np.where(leaf, 0, nodes["feature_idx"])
        limit[row, places] = np.where(leaf, np.inf, nodes["num_threshold"])
        left[row, places] = np.where(leaf, places, nodes["left"])
        right[row, places] = np.where(leaf, places, nodes["right"])
        value[row, places] = np.where(leaf, nodes["value"], 0.0)
    return Forest(feature, limit, left, right, value, int(max(nodes["depth"].max() for nodes in trees)))


def platt(scores: npt.NDArray[np.floating[Any]], same: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logistic curve that turns scores into probabilities (Platt 1999), by Newton's method."""
    design = np.column_stack([scores, np.ones_like(scores)])
    solution = np.zeros(2)
    for _ in range(50):
        chance = sigmoid(design @ solution)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * np.eye(2)
        solution = solution + np.linalg.solve(hessian, design.T @ (same - chance))
    return float(solution[0]), float(solution[1])


def sigmoid(score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Log odds to probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -50, 50))), np.float64)
