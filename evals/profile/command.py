"""The commands `steadyrag eval waterfall` and `steadyrag eval profile`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
import uvloop
from rich.markup import escape
from rich.table import Table

from evals.errors import CannotMeasure
from evals.load import report
from evals.load.plan import LatencyOptions
from evals.load.records import Record
from evals.load.slo import Slo
from evals.profile import flame
from evals.profile import waterfall as stages
from evals.profile.sampling import sample
from evals.profile.stages import STAGES
from evals.runs import load_run
from rag.cli.output import people, print_json

#: Functions that people are shown.
SHOWN = 15


def waterfall(
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders of `eval latency --out`.")],
    out: Annotated[Path | None, typer.Option(help="HTML page with tables and pictures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Where the time of the p50 and the p99 request goes, stage by stage.

    Example: `steadyrag eval waterfall runs/light runs/busy --out waterfall.html`
    """
    found = {str(folder): stages.waterfall(map(Record.from_row, load_run(folder)[1])) for folder in runs}
    if out is not None:
        _write(out, stages.document(found))
    if as_json:
        print_json({"stages": STAGES, "runs": found})
    else:
        for name, each in found.items():
            people.print(_stages_table(name, each))


def profile(
    *,
    out: Annotated[Path, typer.Option(help="HTML page with the flame graph.")],
    rate: Annotated[float, typer.Option(help="Requests per second.", min=0.1)] = 10.0,
    duration: Annotated[float, typer.Option(help="Seconds to send for.", min=1)] = 20.0,
    questions: Annotated[Path | None, typer.Option(help="BEIR queries.jsonl, JSONL, or a question a line.")] = None,
    zipf: Annotated[float, typer.Option(help="Repetition of questions: 0 uniform, 0.8 as on the web.", min=0)] = 0.0,
    cache: Annotated[bool, typer.Option(help="Whether answers are stored and served from the cache.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed sends the same questions at the same times.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """A flame graph of the service under load: a service of its own, as configured, all of its threads sampled.

    Sampling slows it down a little, and its start is in the picture, but for its imports.

    Example: `steadyrag eval profile --questions squad/queries.jsonl --rate 20 --duration 30 --out flame.html`
    """
    extra = {} if cache else {"steadyrag": {"cache": "no-store"}}
    options = LatencyOptions(
        "", rate_rps=rate, duration_s=duration, questions=questions, zipf_s=zipf, seed=seed, extra=extra
    )
    with TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks.txt"
        load = report.summary(uvloop.run(sample(options, stacks)), Slo())
        root = flame.read_stacks(stacks.read_text(encoding="utf-8", errors="replace") if stacks.exists() else "")
    _write(out, flame.document(root, f"The service at {rate:g} requests a second"))
    summary = flame.summary(root)
    if as_json:
        figures = {key: load[key] for key in ("requests", "achieved_rps", "errors", "e2e_ms")}
        print_json({"out": str(out), **figures, **summary})
    else:
        people.print(_functions_table(summary), f"flame graph: {out}", highlight=False)


def _stages_table(name: str, found: stages.Waterfall) -> Table:
    shown = Table(title=escape(name), min_width=60)
    shown.add_column("stage")
    for at in found:
        shown.add_column(f"{at}, ms", justify="right")
        shown.add_column("%", justify="right")
    for stage in next(iter(found.values())):
        cells = ((f"{ms[stage]:.2f}", f"{ms[stage] / ms['e2e']:.1%}") for ms in found.values())
        shown.add_row(stage, *(cell for pair in cells for cell in pair))
    return shown


def _functions_table(summary: Mapping[str, Any]) -> Table:
    shown = Table(title=f"{summary['samples']} samples", min_width=76)
    for name in ("function", "itself", "with what it called"):
        shown.add_column(name, justify="left" if name == "function" else "right")
    for each in summary["top"][:SHOWN]:
        shown.add_row(escape(each["function"]), f"{each['own']:.1%}", f"{each['with_called']:.1%}")
    return shown


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotMeasure(f"cannot write {path}: {error}") from error
