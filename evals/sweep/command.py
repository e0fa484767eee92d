"""The command `steadyrag eval sweep`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from evals.load.latency import require_own, run_latency
from evals.load.plan import LatencyOptions
from evals.load.slo import Slo
from evals.runs import Run, save_run
from evals.sweep.knee import Point, summarise
from evals.sweep.run import SweepOptions, parse_rates
from evals.sweep.run import sweep as measure_rates
from rag.cli.output import INTERRUPTED, people, print_json


def sweep(
    *,
    url: Annotated[str, typer.Option(help="Server that speaks OpenAI's chat completions.")],
    rates: Annotated[str, typer.Option(help="Rising requests per second; 1,2,4.. goes on until the objective breaks.")],
    slo: Annotated[str, typer.Option(help="What a good answer keeps, in seconds: ttft=0.5,e2e=2.")],
    duration: Annotated[float, typer.Option(help="Seconds at each rate.", min=0.1)] = 10.0,
    attain: Annotated[float, typer.Option(help="Share of requests that must meet it.", min=0.01, max=1)] = 0.99,
    headroom: Annotated[float, typer.Option(help="Part kept free for bursts.", min=0, max=0.95)] = 0.2,
    refine: Annotated[int, typer.Option(help="Rates tried between the last good and the first bad.", min=0)] = 2,
    questions: Annotated[Path | None, typer.Option(help="BEIR queries.jsonl, JSONL, or a question a line.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="BEIR corpus.jsonl[.gz]: questions on its passages.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Recorded arrivals, brought to each rate.")] = None,
    zipf: Annotated[float, typer.Option(help="Repetition of questions: 0 uniform, 0.8 as on the web.", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed sends the same questions at the same times.")] = 0,
    stream: Annotated[bool, typer.Option(help="Server-sent events, or one JSON object.")] = True,
    model: Annotated[str, typer.Option(help="Model to ask for.")] = "steadyrag",
    max_tokens: Annotated[int | None, typer.Option(help="Bound of each answer.", min=1)] = None,
    timeout: Annotated[float, typer.Option(help="Seconds after which a request has failed.", min=0.001)] = 60.0,
    api_key: Annotated[str | None, typer.Option(help="Sent as a bearer token.")] = None,
    i_own_this_target: Annotated[bool, typer.Option("--i-own-this-target", help="Needed beyond this machine.")] = False,
    out: Annotated[Path | None, typer.Option(help="Gets a run folder for each rate; measured ones are kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """The highest rate that keeps the objective, the knee, and where to run: open-loop load at rising rates.

    A rate keeps the objective when the share `--attain` of its requests meets it; errors and refusals miss it. The
    sweep ends at the first rate that does not, then looks between. The URL may be a model server's, too.

    Example: `steadyrag eval sweep --url http://127.0.0.1:8000 --rates 1,2,4.. --slo ttft=0.5,e2e=2 --json`

    Example: `steadyrag eval sweep --url http://127.0.0.1:8001/v1 --model small --rates 2,4.. --slo e2e=5 --out runs/s`
    """
    objective, rising = Slo.parse(slo), parse_rates(rates)
    options = SweepOptions(rising, objective, attain, refine)
    base = LatencyOptions(
        url=url,
        duration_s=duration,
        questions=questions,
        corpus=corpus,
        trace=trace,
        zipf_s=zipf,
        seed=seed,
        stream=stream,
        model=model,
        max_tokens=max_tokens,
        timeout_s=timeout,
    )
    if not i_own_this_target:
        require_own(url)
    started_at = time.time()

    def measure(wanted: LatencyOptions, folder: Path | None) -> Mapping[str, Any]:
        figures = run_latency(wanted, slo=objective, api_key=api_key, out=folder)
        if figures["interrupted"]:
            raise typer.Exit(INTERRUPTED)
        return figures

    points = []
    for point in measure_rates(base, options, measure, out):
        people.print(_told(point), highlight=False)
        points.append(point)
    summary = {"url": url, "slo": objective.told(), "attain": attain, **summarise(points, headroom)}
    if out is not None:
        config = base.as_config() | {"slo": objective.told(), "attain": attain, "headroom": headroom}
        save_run(out, Run.made_here("sweep", started_at, seed, config, summary), summary["points"])
    if as_json:
        print_json(summary)
    else:
        people.print(_table(summary))


def _told(point: Point) -> str:
    verdict = "keeps it" if point.kept else "breaks it"
    return f"{point.rate_rps:g}/s: {point.attained:.1%} within the objective, which {verdict}"


def _table(summary: Mapping[str, Any]) -> Table:
    shown = Table(title=f"objective {summary['slo']} for {summary['attain']:.1%} of the requests", min_width=76)
    for name in ("rate/s", "answered/s", "good/s", "within", "TTFT p99 ms", "e2e p50 ms", "e2e p99 ms", "errors"):
        shown.add_column(name, justify="right")
    for point in summary["points"]:
        numbers = (point["ttft_ms"]["p99"], point["e2e_ms"]["p50"], point["e2e_ms"]["p99"])
        shown.add_row(
            f"{point['rate_rps']:g}",
            f"{point['achieved_rps']:.1f}",
            f"{point['goodput_rps']:.1f}",
            f"{point['attained']:.1%}",
            *("-" if number is None else f"{number:.1f}" for number in numbers),
            str(point["errors"]),
            style="" if point["kept"] else "red",
        )
    shown.caption = _caption(summary)
    return shown


def _caption(summary: Mapping[str, Any]) -> str:
    most, where = summary["max_sustainable_rps"], summary["operating_point"]
    if most is None:
        return "no rate keeps the objective"
    least = "" if summary["broke"] else "at least "
    return f"sustains {least}{most:g}/s, knee at {summary['knee_rps']:g}/s; run at {where['rate_rps']:g}/s"
