"""The commands `steadyrag chaos list`, `run`, `sweep` and `report`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from chaos.campaign import Campaign
from chaos.catalogue import Experiment, experiments, named
from chaos.errors import CannotRun
from chaos.report.page import write
from chaos.runner import Plan
from chaos.tables import listed, shown, swept
from chaos.target import deployment
from rag.cli.output import FAILED, INTERRUPTED, people, print_json, run

T = TypeVar("T")

#: Requests a second at most, and of each phase at least, with --quick.
QUICK_RPS, QUICK_REQUESTS = 15.0, 250
REPORT = "report.html"

Out = Annotated[Path | None, typer.Option(help="New folder for results and report.html; else they are not kept.")]
Quick = Annotated[bool, typer.Option("--quick", help="Short phases at a low rate, as in CI.")]
Requests = Annotated[int | None, typer.Option(help="Of each phase, at least; else as in the experiment.", min=1)]
Rate = Annotated[float | None, typer.Option(help="Requests per second; else as in the experiment.", min=0.1)]
Runs = Annotated[int, typer.Option(help="Runs of each, with seeds that follow; the figures are medians.", min=1)]
Retries = Annotated[int, typer.Option(help="Runs more of an experiment that does not pass; told as misses.", min=0)]
Seed = Annotated[int, typer.Option(help="The same seed sends the same questions at the same times.")]
Data = Annotated[Path | None, typer.Option(help="BEIR folder as the lab's corpus; nDCG is measured, too.")]
Vllm = Annotated[Path | None, typer.Option(metavar="PYTHON", help="Interpreter with vLLM, for real models in the lab.")]
Url = Annotated[str | None, typer.Option(help="A running service instead of a lab.")]
Proxy = Annotated[str | None, typer.Option(help="API of the fault proxy that the service's connections go through.")]
ApiKey = Annotated[str | None, typer.Option(help="Of the service at --url, sent as a bearer token.")]
Owned = Annotated[bool, typer.Option("--i-own-this-target", help="Needed with --url: it will be broken.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")]


def list_(*, as_json: AsJson = False) -> None:
    """The experiments that there are.

    Example: `steadyrag chaos list`
    """
    known = experiments()
    if as_json:
        print_json({"experiments": [{"name": each.name, "title": each.title, "core": each.core} for each in known]})
    else:
        people.print(listed(known))


def run_(
    name: Annotated[str, typer.Argument(help="An experiment, core or all; see `steadyrag chaos list`.")],
    *,
    out: Out = None,
    quick: Quick = False,
    requests: Requests = None,
    rate: Rate = None,
    runs: Runs = 1,
    retries: Retries = 0,
    seed: Seed = 0,
    data: Data = None,
    vllm: Vllm = None,
    url: Url = None,
    proxy: Proxy = None,
    api_key: ApiKey = None,
    i_own_this_target: Owned = False,
    as_json: AsJson = False,
) -> None:
    """Run experiments under load: baseline, fault, recovery; exit status 1 where one does not pass.

    Each has a lab of its own: API, Redis, Qdrant's protocol and models on this machine, every connection through the
    fault proxy. Ctrl-C rolls back and ends it all.

    Example: `steadyrag chaos run vector-db-latency --out runs/latency`

    Example: `steadyrag chaos run core --quick --json`

    Example: `steadyrag chaos run all --runs 3 --data squad --out runs/all`
    """
    plan = _plan(quick=quick, requests=requests, rate=rate, seed=seed, data=data)
    target = deployment(url, proxy, owned=i_own_this_target, api_key=api_key) if url else None
    with Campaign(plan, out, runs=runs, retries=retries, target=target, vllm=vllm) as campaign:
        figures = _until_stopped(campaign.run(named(name)))
    if out is not None and campaign.folders:
        write(campaign.folders, out / REPORT)
    _tell({"experiments": figures, "out": out and str(out)}, shown(figures), as_json=as_json)
    if any(each["verdict"] != "pass" for each in figures):
        raise typer.Exit(FAILED)


def sweep(
    name: Annotated[str, typer.Argument(help="An experiment whose fault has a strength.")],
    *,
    values: Annotated[str, typer.Option(help="Strengths, separated by commas, in the experiment's unit.")],
    out: Out = None,
    quick: Quick = False,
    requests: Requests = None,
    rate: Rate = None,
    runs: Runs = 1,
    seed: Seed = 0,
    data: Data = None,
    vllm: Vllm = None,
    url: Url = None,
    proxy: Proxy = None,
    api_key: ApiKey = None,
    i_own_this_target: Owned = False,
    as_json: AsJson = False,
) -> None:
    """The breaking point: the experiment under one strength of its fault after another.

    Example: `steadyrag chaos sweep vector-db-latency --values 50,100,250,500,1000,2000,5000 --out runs/sweep`
    """
    plan = _plan(quick=quick, requests=requests, rate=rate, seed=seed, data=data)
    target = deployment(url, proxy, owned=i_own_this_target, api_key=api_key) if url else None
    with Campaign(plan, out, runs=runs, target=target, vllm=vllm) as campaign:
        found = _until_stopped(campaign.sweep(_one(name), _numbers(values)))
    if out is not None and campaign.folders:
        write(campaign.folders, out / REPORT)
    _tell({**found, "out": out and str(out)}, swept(found), as_json=as_json)


def report(
    folder: Annotated[Path, typer.Argument(help="A result folder, or one that holds several.")],
    *,
    out: Annotated[Path, typer.Option(help="The page.")] = Path(REPORT),
) -> None:
    """The HTML report of results: timelines, figures against their targets, verdict.

    Example: `steadyrag chaos report runs/all --out report.html`
    """
    folders = sorted(found.parent for found in folder.rglob("run.json"))
    if not folders:
        raise CannotRun(f"{folder} holds no results")
    write(folders, out)
    people.print(f"wrote {out}", highlight=False)


def _plan(*, quick: bool, requests: int | None, rate: float | None, seed: int, data: Path | None) -> Plan:
    if quick:
        return Plan(seed, requests or QUICK_REQUESTS, rate, most_rps=QUICK_RPS, data=data)
    return Plan(seed, requests, rate, data=data)


def _one(name: str) -> Experiment:
    chosen = named(name)
    if len(chosen) > 1:
        raise CannotRun(f"a sweep is of one experiment, not of {name}")
    return chosen[0]


def _until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run it; SIGTERM ends it in order as Ctrl-C does, since what was broken is to be mended."""

    async def stoppable() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return run(stoppable())
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise CannotRun(f"--values {text!r}: numbers with commas between, as 50,100,200") from None
    # a toxic's attributes are whole numbers
    return [int(number) if number.is_integer() else number for number in numbers]


def _tell(content: dict[str, Any], table: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(content)
    else:
        people.print(table)
