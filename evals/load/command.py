"""The command `steadyrag eval latency`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from evals.errors import CannotMeasure
from evals.load.latency import require_own, run_latency
from evals.load.plan import Arrivals, LatencyOptions
from evals.load.progress import table
from evals.load.slo import Slo
from rag.cli.output import INTERRUPTED, people, print_json


def latency(
    *,
    url: Annotated[str, typer.Option(help="Server that speaks OpenAI's chat completions.")],
    rate: Annotated[float | None, typer.Option(help="Requests per second; of a trace, its mean.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds to send for; cuts a trace short.")] = None,
    trace: Annotated[Path | None, typer.Option(help="JSONL[.gz] with t, input_tokens, output_tokens.")] = None,
    speed: Annotated[float, typer.Option(help="How many times as fast a trace is sent.")] = 1.0,
    arrivals: Annotated[Arrivals, typer.Option(help="Arrival process.")] = Arrivals.POISSON,
    from_rate: Annotated[float | None, typer.Option(help="Where step and ramp begin; else a tenth of --rate.")] = None,
    questions: Annotated[Path | None, typer.Option(help="BEIR queries.jsonl, JSONL, or a question a line.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="BEIR corpus.jsonl[.gz]: questions on its passages.")] = None,
    zipf: Annotated[float, typer.Option(help="Repetition of questions: 0 uniform, 0.8 as on the web.", min=0)] = 0.0,
    slo: Annotated[str, typer.Option(help="What a good answer keeps, in seconds: ttft=0.5,itl=0.1,e2e=2.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed sends the same questions at the same times.")] = 0,
    stream: Annotated[bool, typer.Option(help="Server-sent events, or one JSON object.")] = True,
    model: Annotated[str, typer.Option(help="Model to ask for.")] = "steadyrag",
    max_tokens: Annotated[int | None, typer.Option(help="Bound of each answer.", min=1)] = None,
    timeout: Annotated[float, typer.Option(help="Seconds after which a request has failed.", min=0.001)] = 60.0,
    max_in_flight: Annotated[int, typer.Option(help="More under way than this spoil the run.", min=1)] = 10_000,
    extra: Annotated[str, typer.Option(help="JSON object added to each request's body.")] = "{}",
    api_key: Annotated[str | None, typer.Option(help="Sent as a bearer token.")] = None,
    i_own_this_target: Annotated[bool, typer.Option("--i-own-this-target", help="Needed beyond this machine.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for run.json and requests.parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Latency under open-loop load: requests are sent by the clock, whether or not replies come.

    Ctrl-C stops sending, waits for what is under way and reports what was measured so far; twice stops at once.

    Example: `steadyrag eval latency --url http://127.0.0.1:8000 --rate 20 --duration 60 --slo ttft=0.5,e2e=2`

    Example: `steadyrag eval latency --url http://127.0.0.1:8000 --trace azure_conv.jsonl.gz --speed 10 --json`

    Example: `steadyrag eval latency --url http://127.0.0.1:8000 --rate 50 --duration 30 --zipf 0.8 --out runs/zipf`
    """
    options = LatencyOptions(
        url=url,
        rate_rps=rate,
        duration_s=duration,
        arrivals=arrivals,
        from_rps=from_rate,
        trace=trace,
        speed=speed,
        questions=questions,
        corpus=corpus,
        zipf_s=zipf,
        seed=seed,
        stream=stream,
        model=model,
        max_tokens=max_tokens,
        timeout_s=timeout,
        max_in_flight=max_in_flight,
        extra=_json_object(extra),
    )
    if not i_own_this_target:
        require_own(url)
    summary = run_latency(options, slo=Slo.parse(slo), api_key=api_key, out=out)
    _show(summary, as_json=as_json)
    if summary["interrupted"]:
        raise typer.Exit(INTERRUPTED)


def _show(summary: dict[str, Any], *, as_json: bool) -> None:
    for reason in summary["invalid_reasons"]:
        people.print(f"this run is not valid: {reason}", highlight=False)
    if as_json:
        print_json(summary)
    else:
        people.print(table(summary))


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CannotMeasure(f"--extra is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CannotMeasure("--extra is not a JSON object")
    return value
