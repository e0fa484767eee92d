"""The command `steadyrag eval routing`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table as Drawn

from evals.errors import CannotMeasure
from evals.routing.judging import Judged, decision_s, judge, judge_halves
from evals.routing.picture import svg
from evals.routing.report import summarise
from evals.routing.setup import classifier_for, embedding_model, progress, write
from evals.routing.table import lay_out, read_outcomes
from rag.cli.output import people, print_json
from router.training import Table


def routing(
    *,
    outcomes: Annotated[list[Path], typer.Option(help="JSON Lines with source, prompt, small, large; repeatable.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of outcomes.")] = None,
    model: Annotated[Path | None, typer.Option(help="Classifier of `router train`; else the one that ships.")] = None,
    splits: Annotated[int, typer.Option(help="Train on one half of each source, judge on the other, so often.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same halves and resamples.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw quality against cost.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """What choosing between the models is worth, beside a shuffle at equal cost and beside the question's length.

    APGR is the average performance gap recovered (Ong et al. 2024): 0.5 by chance. `trained_on` tells which share of
    the questions the classifier has seen in training; figures of such questions flatter it, and --splits avoids them.

    Example: `steadyrag eval routing --outcomes mmlu.jsonl.gz gsm8k.jsonl.gz --splits 10 --json --out curve.svg`
    """
    embedder = embedding_model()
    classifier = classifier_for(model, embedder.info.model)
    with progress("embedding") as watch:
        table = lay_out(read_outcomes([*outcomes, *(more or ())]), embedder, watch)
    judged = _halves(table, embedder.info.model, splits, seed) if splits else [judge(classifier, table)]
    taken_ms = decision_s(classifier, table) * 1e3
    sources = summarise(judged, seed=seed)
    summary = {
        "sources": sources,
        "n": len(table),
        "splits": splits,
        "trained_on": float(np.mean([each.seen.mean() for each in judged])),
        "threshold": classifier.threshold,
        "record": dict(classifier.record),
        "decision_p50_ms": float(np.median(taken_ms)),
        "decision_p99_ms": float(np.percentile(taken_ms, 99)),
    }
    if out is not None:
        write(out, svg(judged[0]).encode())
    if summary["trained_on"]:
        people.print(f"trained on {summary['trained_on']:.0%} of these questions: no fair figures", style="yellow")
    if as_json:
        print_json(summary)
    else:
        people.print(_table(sources))


def _halves(table: Table, embedder: str, splits: int, seed: int) -> list[Judged]:
    with progress("training on halves") as watch:
        try:
            return list(judge_halves(table, embedder=embedder, splits=splits, seed=seed, watch=watch))
        except ValueError as error:
            raise CannotMeasure(str(error)) from error


def _table(sources: Mapping[str, Any]) -> Drawn:
    table = Drawn()
    columns = ("source", "n", "small", "large", "APGR", "95 %", "shuffle", "length", "CPT50", "CPT80", "ECE")
    for name in columns:
        table.add_column(name, justify="left" if name == "source" else "right")
    for name, figures in sources.items():
        interval = figures["apgr_ci95"]
        shares = (
            figures["small_quality"],
            figures["large_quality"],
            figures["apgr"],
            None if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
            figures["baselines"]["shuffle"],
            figures["baselines"]["length"],
            figures["cpt50"],
            figures["cpt80"],
            figures["calibration_error"],
        )
        table.add_row(name, str(figures["n"]), *(_cell(share) for share in shares))
    return table


def _cell(value: float | str | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else value or "-"
