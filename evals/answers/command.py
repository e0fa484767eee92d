"""The command `steadyrag eval answers`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from evals.answers.judging import MEASURES
from evals.answers.llm_judge import Judge
from evals.answers.questions import read_questions
from evals.answers.run import Options, evaluate
from evals.progress import steps
from evals.retrieval.beir import read_collection
from evals.runs import Run, prepare_folder, save_run
from rag.cli.output import people, print_json, run


def answers(
    *,
    data: Annotated[Path, typer.Option(help="Folder with queries.jsonl (metadata.answers), qrels and corpus.")],
    corpus: Annotated[Path | None, typer.Option(help="JSON Lines of the documents, if they lie elsewhere.")] = None,
    shards: Annotated[int, typer.Option(help="Shards of the dense index.", min=1, max=64)] = 4,
    held_out: Annotated[float, typer.Option(help="Part of the articles left out to measure abstention.")] = 0.5,
    rephrased: Annotated[int, typer.Option(help="Questions that are asked in other words, too.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="The same seed leaves out and rephrases the same.")] = 0,
    judge: Annotated[str | None, typer.Option(metavar="URL#MODEL", help="A model that gives its opinion.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Keeps what was taken in, for the next run.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for run.json and a row for each question.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Answers, citations, abstention and consistency on questions with known answers, with 95 % intervals.

    The service answers as configured; STEADYRAG_MODELS__SMALL and __LARGE name models. Then a part of the articles
    is deleted and everything is asked again: questions on what is gone should be refused, and no others. A judge adds
    its opinion; the measures that gates compare need none.

    Example: `steadyrag eval answers --data squad --json`

    Example: `steadyrag eval answers --data squad --data-dir kept --judge http://127.0.0.1:8001/v1#large --out runs/a`
    """
    options = Options(shards, held_out, rephrased, seed, data_dir)
    collection, started_at = read_collection(data, corpus), time.time()
    questions = read_questions(data, collection)
    grader = Judge.at(judge) if judge else None
    if out is not None:
        prepare_folder(out)
    about = f"{collection.name}: {len(collection.documents)} documents, {len(questions)} questions"
    people.print(f"measuring {about}; Ctrl-C stops", highlight=False)
    with steps() as watch:
        summary, rows = run(evaluate(collection, questions, options, watch, grader))
    if out is not None:
        config = {"data": str(data), "held_out": held_out, "rephrased": rephrased, "judge": judge}
        save_run(out, Run.made_here("answers", started_at, seed, config, summary), rows)
    if as_json:
        print_json(summary)
    else:
        people.print(_table(summary))


def _table(summary: Mapping[str, Any]) -> Table:
    shown = Table(title=f"{summary['dataset']}: {summary['n']} questions", min_width=60)
    for name in ("measure", "value", "95 %"):
        shown.add_column(name, justify="left" if name == "measure" else "right")
    for name in MEASURES:
        shown.add_row(name.replace("_", " "), *_cells(summary[name], summary["ci95"][name]))
    abstention, alike = summary["abstention"], summary["consistency"]["agreement"]
    for name in ("precision", "recall"):
        shown.add_row(f"abstention {name}", *_cells(abstention[name], abstention["ci95"][name]))
    shown.add_row("agreement of rephrasings", *_cells(alike["value"], alike["ci95"]))
    return shown


def _cells(value: float | None, interval: list[float] | None) -> tuple[str, str]:
    if value is None or interval is None:
        return "-", "-"
    return f"{value:.3f}", f"{interval[0]:.3f} to {interval[1]:.3f}"
