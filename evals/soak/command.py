"""The command `steadyrag eval soak`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evals.errors import CannotMeasure
from evals.load.generator import Generator
from evals.load.latency import measure, require_own
from evals.load.plan import LatencyOptions, plan
from evals.load.slo import Slo
from evals.report.words import interval
from evals.runs import Run, prepare_folder, save_run
from evals.soak.process import held
from evals.soak.run import TOLERANCE, WARM_UP, Sampler, Watch, summarise
from evals.soak.trend import require_scipy
from rag.cli.output import FAILED, INTERRUPTED, people, print_json
from rag.settings import load_settings
from rag.storage.folder import current_owner

#: Seconds between samples at most, and samples of a run at least.
EVERY_S, SAMPLES = 10.0, 40


def soak(
    *,
    minutes: Annotated[float, typer.Option(help="For how long; 30 and more tell a leak from warming up.", min=0.01)],
    url: Annotated[str | None, typer.Option(help="The service; else the one that holds the data folder.")] = None,
    pid: Annotated[int | None, typer.Option(help="Its process, with --url; its children count, too.", min=1)] = None,
    rate: Annotated[float, typer.Option(help="Requests per second.", min=0.01)] = 5.0,
    questions: Annotated[Path | None, typer.Option(help="BEIR queries.jsonl, JSONL, or a question a line.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="BEIR corpus.jsonl[.gz]: questions on its passages.")] = None,
    zipf: Annotated[float, typer.Option(help="Repetition of questions: 0 uniform, 0.8 as on the web.", min=0)] = 0.8,
    slo: Annotated[str, typer.Option(help="What a good answer keeps, in seconds: ttft=0.5,e2e=2.")] = "",
    tolerance: Annotated[float, typer.Option(help="Growth that is no leak, as a share.", min=0)] = TOLERANCE,
    warm_up: Annotated[
        float, typer.Option(help="Part at the beginning that does not count.", min=0, max=0.9)
    ] = WARM_UP,
    seed: Annotated[int, typer.Option(help="The same seed sends the same questions at the same times.")] = 0,
    api_key: Annotated[str | None, typer.Option(help="Sent as a bearer token.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for run.json and a row for each sample.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Memory, handles, threads and latency of a service under load that goes on; exit status 1 if one grows.

    What grows is what has a rising trend whose 95 % interval lies above nothing, and grew by more than `--tolerance`
    after the warm-up. The process is read on this machine. Ctrl-C ends it with what was measured.

    Example: `steadyrag eval soak --minutes 30 --rate 10 --out runs/soak`

    Example: `steadyrag eval soak --minutes 60 --url http://127.0.0.1:8000 --pid 4711 --questions queries.jsonl --json`
    """
    where, process = _target(url, pid)
    require_scipy()
    options = LatencyOptions(
        url=where, rate_rps=rate, duration_s=minutes * 60, questions=questions, corpus=corpus, zipf_s=zipf, seed=seed
    )
    planned, started_at, objective = plan(options), time.time(), Slo.parse(slo)
    if out is not None:
        prepare_folder(out)
    every_s = min(EVERY_S, minutes * 60 / SAMPLES)
    with _progress(minutes * 60) as told:
        sampler = Sampler(partial(held, process), every_s, told)
        watch = partial(_watch, sampler, f"soaking {where}, process {process}, for {minutes:g} minutes; Ctrl-C stops")
        run = uvloop.run(measure(options, planned, api_key=api_key, watch=watch))
    figures = summarise(run, sampler.samples, slo=objective, tolerance=tolerance, warm_up=warm_up)
    summary = {"url": where, "lost": sampler.lost, **figures}
    if out is not None:
        config = options.as_config() | {"minutes": minutes, "slo": slo, "tolerance": tolerance, "warm_up": warm_up}
        save_run(out, Run.made_here("soak", started_at, seed, config, summary), sampler.samples)
    _show(summary, as_json=as_json)
    if summary["leaks"] or sampler.lost:
        raise typer.Exit(FAILED)
    if summary["interrupted"]:
        raise typer.Exit(INTERRUPTED)


def _target(url: str | None, pid: int | None) -> tuple[str, int]:
    """Where to send load, and which process to watch."""
    if (url is None) != (pid is None):
        raise CannotMeasure("--url and --pid go together")
    if url is None or pid is None:
        folder = load_settings().data_dir
        owner = current_owner(folder)
        if owner is None or owner.url is None:
            raise CannotMeasure(f"no service holds {folder}: start one, or give --url and --pid")
        url, pid = owner.url, owner.pid
    require_own(url)
    held(pid)
    return url, pid


async def _watch(sampler: Sampler, words: str, generator: Generator) -> None:
    people.print(words, highlight=False)
    await sampler.watch(generator)


@contextmanager
def _progress(seconds: float) -> Iterator[Watch]:
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=people, auto_refresh=False) as progress:
        task = progress.add_task("", total=seconds)

        def told(sample: Mapping[str, Any]) -> None:
            shown = f"{sample['rss_mib']:.0f} MiB, {sample['handles']:.0f} handles, {sample['threads']:.0f} threads"
            progress.update(task, completed=sample["at_s"], description=shown, refresh=True)

        yield told


def _show(summary: Mapping[str, Any], *, as_json: bool) -> None:
    if summary["lost"]:
        people.print(f"ended early: {summary['lost']}", style="red", highlight=False)
    if not summary["judged"]:
        people.print("too few samples for every trend: soak for longer", highlight=False)
    if as_json:
        print_json(summary)
        return
    shown = Table(title=f"{summary['minutes']:.1f} minutes, {summary['errors']} errors", min_width=72)
    for name in ("", "level", "an hour", "95 %", "growth"):
        shown.add_column(name, justify="right" if name else "left")
    for name, trend in summary["trends"].items():
        cells = f"{trend['level']:.1f}", f"{trend['slope_per_hour']:+.2f}", interval(trend["ci95"])
        style = "red" if name in summary["leaks"] else ""
        shown.add_row(name.replace("_", " "), *cells, f"{trend['growth']:+.1%}", style=style)
    people.print(shown)
    if summary["judged"]:
        grown = ", ".join(summary["leaks"]) or "nothing"
        people.print(f"{grown} grows by more than {summary['tolerance']:.0%}", highlight=False)
