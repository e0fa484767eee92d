"""`python -m chaos.load --url http://127.0.0.1:8000 --rate 25`: the load of an experiment until SIGTERM.

The first line on stdout is a JSON object with the `url` that it is steered by; see `chaos.load.server`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
import uvloop

from chaos.load.quality import QualityProbe
from chaos.load.server import LoadServer
from chaos.load.traffic import Traffic, TrafficOptions
from evals.load.questions import DEFAULT_QUESTIONS, read_questions
from rag.cli.output import exit_on_error


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser("chaos.load", description="The load of an experiment, steered over HTTP.")
    parser.add_argument("--url", required=True, help="the service")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deadline-s", type=float, default=10.0, help="told to the service with each request")
    parser.add_argument("--fields", type=orjson.loads, default={}, help="JSON object, of each request's `steadyrag`")
    parser.add_argument("--model", default="steadyrag")
    parser.add_argument("--api-key", help="sent as a bearer token")
    parser.add_argument("--expected", default="", help="labels of answers under the fault, separated by commas")
    parser.add_argument("--data", type=Path, help="folder in BEIR's format, whose questions are asked and judged")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace) -> None:
    """Send until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    questions = DEFAULT_QUESTIONS if options.data is None else read_questions(options.data / "queries.jsonl")
    sent = TrafficOptions(
        url=options.url,
        rate_rps=options.rate,
        seed=options.seed,
        deadline_s=options.deadline_s,
        fields=options.fields,
        expected_labels=[label for label in options.expected.split(",") if label],
        model=options.model,
        api_key=options.api_key,
    )
    traffic = Traffic(sent, questions)
    quality = QualityProbe(sent, options.data, lambda: traffic.phase) if options.data else None
    async with LoadServer(traffic, quality, port=options.port) as server:
        sys.stdout.write(orjson.dumps({"url": server.url}).decode() + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    with exit_on_error():
        uvloop.run(serve(parse(sys.argv[1:])))
