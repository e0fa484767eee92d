"""The command `steadyrag eval plan`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.load.slo import Slo
from evals.planner import plan as planning
from evals.planner.prediction import Draws, Objective
from evals.planner.prices import PARTS, read_prices
from evals.planner.workload import read_workload
from evals.runs import load_run
from rag.cli.output import people, print_json


def plan(
    *,
    profile: Annotated[Path, typer.Option(help="Run folder of `eval latency --out`, at a load without queues.")],
    rate: Annotated[float, typer.Option(help="Requests per second today; the way goes to ten times.", min=0.001)],
    slo: Annotated[str, typer.Option(help="What a good answer keeps, in seconds: ttft=0.5,e2e=2.")],
    prices: Annotated[Path, typer.Option(help="TOML with what a replica of each part costs and does.")],
    attain: Annotated[float, typer.Option(help="Share of requests that must meet it.", min=0.01, max=0.9999)] = 0.99,
    seed: Annotated[int, typer.Option(help="The same seed simulates the same arrivals.")] = 0,
    requests: Annotated[int, typer.Option(help="Simulated for each figure, at least.", min=100)] = 8_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Replicas and cost for a load, what caching, routing and quantisation save, and the way to ten times the load.

    Simulates API, embedder, index, Redis and models as queues whose requests are drawn from the measured ones.

    Example: `steadyrag eval plan --profile runs/light --rate 20 --slo ttft=1,e2e=8 --prices prices.toml --json`
    """
    objective = Objective(_simulated(slo), attain)
    listed = read_prices(prices)
    _, rows = load_run(profile)
    workload = read_workload(map(Record.from_row, rows), listed)
    with _shown() as watch:
        summary = planning.plan(workload, listed, objective, rate_rps=rate, draws=Draws(seed, requests), watch=watch)
    if as_json:
        print_json({"profile": str(profile), "profiled": len(rows), "seed": seed, **summary})
    else:
        people.print(_table(summary))
        people.print(_notes(summary), highlight=False, soft_wrap=True, markup=False)


def _simulated(text: str) -> Slo:
    slo = Slo.parse(text)
    if slo == Slo() or slo.itl != Slo().itl:
        raise CannotMeasure("--slo wants ttft= or e2e=; the time between tokens is a model's own and is not simulated")
    return slo


@contextmanager
def _shown() -> Iterator[planning.Watch]:
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=people) as progress:
        task = progress.add_task("")
        yield lambda step: progress.update(task, description=f"simulating {step}")


def _table(summary: Mapping[str, Any]) -> Table:
    title = f"{summary['slo']} for {summary['attain']:.1%} of the requests, {summary['rate_rps']:g} a second today"
    shown = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    used = [name for name in PARTS if any(name in row["replicas"] for row in summary["path"])]
    for name in ("", *used, f"{summary['currency']}/h", "/1,000"):
        shown.add_column(name, justify="right" if name else "left", no_wrap=not name)
    rows = {f"{row['factor']:g} times": row for row in summary["path"]}
    rows |= {f"without {name}": row for name, row in summary["saves"].items() if "impossible" not in row}
    for name, row in rows.items():
        counts = (str(row["replicas"].get(part, "-")) for part in used)
        shown.add_row(name, *counts, f"{row['cost_per_hour']:.2f}", f"{row['cost_per_1000']:.4f}")
    return shown


def _notes(summary: Mapping[str, Any]) -> str:
    saves = [f"{name} {row['saved']:.0%}" for name, row in summary["saves"].items() if row["saved"] is not None]
    expected, ratio, plain = summary["expected"], summary["cost_ratio_10x"], summary["cost_ratio_10x_from_plain"]
    missed = [f"without {name}: {row['impossible']}" for name, row in summary["saves"].items() if "impossible" in row]
    first, *_, last = summary["path"]
    notes = [
        f"today p50 {expected['e2e_ms']['p50']:.0f}, p95 {expected['e2e_ms']['p95']:.0f}, "
        f"p99 {expected['e2e_ms']['p99']:.0f} ms, {expected['attained']:.1%} within the objective",
        f"saved by {', '.join(saves)}".replace("any of them", "all of them") if saves else "",
        *missed,
        f"the cache answers {first['hits']:.0%} today, {last['hits']:.0%} at {last['factor']:g} times the load",
        "" if ratio is None else f"{last['factor']:g} times the load at {ratio:.2f} times the cost",
        "" if plain is None else f"{plain:.2f} times the cost of today without any of them",
        "It assumes:",
        *(f"- {sentence}" for sentence in summary["assumptions"]),
    ]
    return "\n".join(filter(None, notes))
