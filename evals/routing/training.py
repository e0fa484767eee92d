"""The commands `steadyrag router train` and `steadyrag router calibrate`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from evals.errors import CannotMeasure
from evals.routing.fitting import fit
from evals.routing.judging import judge
from evals.routing.setup import classifier_for, embedding_model, progress, save
from evals.routing.table import lay_out, read_outcomes
from rag.cli.output import people, print_json
from router.calibration import Rule, affordable_share, for_quality, for_share
from router.calibration import calibrate as calibrated


def train(
    *,
    outcomes: Annotated[list[Path], typer.Option(help="JSON Lines with source, prompt, small, large; repeatable.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of outcomes.")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where the classifier goes.")],
    licence: Annotated[str, typer.Option(help="Of the data, for the record.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed and outcomes give the same weights.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as one JSON object.")] = False,
) -> None:
    """Train a classifier on questions that both of your models answered.

    Its record holds figures of halves that were not trained on. Calibrate it before use: `steadyrag router calibrate`.

    Example: `steadyrag router train --outcomes shadow.jsonl --out mine.npz`
    """
    files = [*outcomes, *(more or ())]
    model = embedding_model()
    with progress("embedding") as watch:
        table = lay_out(read_outcomes(files), model, watch)
    with progress("training") as watch:
        classifier = fit(
            table,
            embedder=model.info.model,
            data=[path.name for path in files],
            date=datetime.now(UTC).date().isoformat(),
            licence=licence,
            seed=seed,
            watch=watch,
        )
    save(classifier, out)
    summary = {"threshold": classifier.threshold, **classifier.record, "out": str(out)}
    if as_json:
        print_json(summary)
    else:
        people.print("\n".join(f"{name}: {value}" for name, value in summary.items()), highlight=False)


def calibrate(
    *,
    outcomes: Annotated[list[Path], typer.Option(help="Outcomes that the classifier was not trained on; repeatable.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of outcomes.")] = None,
    model: Annotated[Path | None, typer.Option(help="Classifier of `router train`; else the one that ships.")] = None,
    target_quality: Annotated[float | None, typer.Option(help="Share of the large model's quality to keep.")] = None,
    budget: Annotated[float | None, typer.Option(help="What an answer may cost on average.")] = None,
    price_small: Annotated[float, typer.Option(help="Of an answer of the small model.", min=0)] = 0.0,
    price_large: Annotated[float, typer.Option(help="Of an answer of the large model.", min=0)] = 1.0,
    out: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The classifier with its threshold set.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Find the threshold for a quality to keep, or for a budget; with the prices left out, that is a share sent large.

    Example: `steadyrag router calibrate --outcomes mine.jsonl --model mine.npz --target-quality 0.95 --out set.npz`

    Example: `steadyrag router calibrate --outcomes mine.jsonl --model mine.npz --budget 0.3 --json`
    """
    rule = _rule(target_quality, budget, price_small, price_large)
    embedder = embedding_model()
    classifier = classifier_for(model, embedder.info.model)
    with progress("embedding") as watch:
        table = lay_out(read_outcomes([*outcomes, *(more or ())]), embedder, watch)
    judged = judge(classifier, table)
    found = asdict(calibrated(judged.order, judged.quality, rule, seed=seed))
    summary = {"target_quality": target_quality, "budget": budget, **found, "trained_on": float(judged.seen.mean())}
    if summary["trained_on"]:
        people.print(
            f"trained on {summary['trained_on']:.0%} of these questions: the quality is overstated", style="yellow"
        )
    if out is not None:
        save(classifier.with_threshold(found["threshold"], summary), out)
    if as_json:
        print_json(summary | {"out": None if out is None else str(out)})
    else:
        people.print("\n".join(f"{name}: {value}" for name, value in summary.items()), highlight=False)


def _rule(target_quality: float | None, budget: float | None, price_small: float, price_large: float) -> Rule:
    if (target_quality is None) == (budget is None):
        raise CannotMeasure("give either --target-quality or --budget")
    if target_quality is not None:
        if not 0.0 < target_quality <= 1.0:
            raise CannotMeasure(f"--target-quality must be above 0 and at most 1, not {target_quality:g}")
        return for_quality(target_quality)
    try:
        return for_share(affordable_share(budget or 0.0, price_small=price_small, price_large=price_large))
    except ValueError as error:
        raise CannotMeasure(str(error)) from error
