"""The command `steadyrag eval retrieval`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from evals.progress import steps
from evals.retrieval.beir import read_collection
from evals.retrieval.run import MODES, Options, evaluate
from evals.retrieval.scores import MEASURES
from evals.runs import Run, prepare_folder, save_run
from rag.cli.output import people, print_json, run


def retrieval(
    *,
    data: Annotated[Path, typer.Option(help="Folder with queries.jsonl, qrels/test.tsv and corpus.jsonl[.gz].")],
    corpus: Annotated[Path | None, typer.Option(help="JSON Lines of the documents, if they lie elsewhere.")] = None,
    modes: Annotated[str, typer.Option(help="Modes to measure, separated by commas.")] = ",".join(MODES),
    shards: Annotated[int, typer.Option(help="Shards of the dense index.", min=1, max=64)] = 4,
    plan: Annotated[str | None, typer.Option(help="fused or tiered; else as configured.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Keeps what was taken in, for the next run.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for run.json and a row for each query.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Quality and speed of retrieval on a judged collection in BEIR's format, all modes side by side.

    Documents are cut and taken in as in ingestion, a document stands where its best passage stands, and time is
    measured end to end for one client, the question's embedding included.

    Example: `steadyrag eval retrieval --data squad --json`

    Example: `steadyrag eval retrieval --data squad --modes hybrid,bm25 --data-dir kept --plan tiered --out runs/tiered`
    """
    options = Options(tuple(dict.fromkeys(filter(None, modes.split(",")))), shards, plan, data_dir)
    collection, started_at = read_collection(data, corpus), time.time()
    if out is not None:
        prepare_folder(out)
    about = f"{collection.name}: {len(collection.documents)} documents, {len(collection.queries)} questions"
    people.print(f"measuring {about}; Ctrl-C stops", highlight=False)
    with steps() as watch:
        summary, rows = run(evaluate(collection, options, watch))
    if out is not None:
        config = {"data": str(data), "shards": shards, "data_dir": str(data_dir) if data_dir else None}
        save_run(out, Run.made_here("retrieval", started_at, 0, config, summary), rows)
    if as_json:
        print_json(summary)
    else:
        people.print(_table(summary))


def _table(summary: Mapping[str, Any]) -> Table:
    title = f"{summary['dataset']}: {summary['n_docs']} documents, {summary['n_queries']} questions"
    shown = Table(title=title, min_width=72)
    shown.add_column("mode")
    for name in (*MEASURES, "p50 ms", "p99 ms"):
        shown.add_column(name, justify="right")
    for mode, values in summary["modes"].items():
        times = (f"{values[key]:.1f}" for key in ("p50_ms", "p99_ms"))
        shown.add_row(mode, *(f"{values[name]:.3f}" for name in MEASURES), *times)
    if compared := summary.get("hybrid_vs_best_single"):
        low, high = compared["ci95"]
        shown.caption = (
            f"hybrid - {compared['best']}: {compared['difference']:+.3f} nDCG@10 "
            f"({low:+.3f} to {high:+.3f}), p = {compared['p']:.4f}"
        )
    return shown
