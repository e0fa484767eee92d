"""`python -m evals.bench`: the figures of docs/benchmarks.md, measured on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from evals.bench import (
    decision,
    degradation,
    embedding,
    evidence,
    ingestion,
    lexical,
    overload,
    planner,
    reads_while_writing,
    replay,
    serving,
)
from evals.bench.phases import Targets, missed
from rag.settings import load_settings

DEFAULT_DATA = Path("../shared/data/retrieval/squad")
PARTS = (
    "embedding",
    "decision",
    "lexical",
    "ingestion",
    "serving",
    "degradation",
    "overload",
    "reads-while-writing",
    "evidence",
    "replay",
    "planner",
)
#: Parts that ask questions about the ingested corpus.
ASKING = frozenset(PARTS[4:])
#: Requests of a phase, at least.
REQUESTS, QUICK = 1_000, 60
TARGETS: Targets = {
    **lexical.TARGETS,
    **degradation.TARGETS,
    **overload.TARGETS,
    **reads_while_writing.TARGETS,
    **evidence.TARGETS,
    **replay.TARGETS,
    **planner.TARGETS,
    **decision.TARGETS,
}


def main() -> None:
    """Run the chosen parts, print each figure, and all of them as one JSON object; status 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the service on this machine.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="BEIR folder: corpus.jsonl.gz, queries.jsonl")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    parser.add_argument("--data-dir", type=Path, help="keep the ingested corpus here, and use it if it is there")
    parser.add_argument("--scenario", choices=degradation.SCENARIOS, action="append", help="of degradation; else all")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the load: the same seed sends the same at the same times"
    )
    parser.add_argument("--runs", type=int, default=3, help="of overload; the medians count")
    parser.add_argument("--writes", type=int, default=2_000, help="of reads-while-writing: documents that are ingested")
    parser.add_argument("--replayed", type=int, default=20_000, help="of replay: questions that are asked")
    parser.add_argument("--entries", type=int, default=100_000, help="of decision: stored questions")
    parser.add_argument("--quick", action="store_true", help="short phases: shows that all works, measures little")
    arguments = parser.parse_args()
    if not (arguments.data / "queries.jsonl").is_file():
        parser.error(f"no BEIR data in {arguments.data}; name a folder: make bench ARGS='--data DIR'")
    with tempfile.TemporaryDirectory() as scratch:
        figures = _measure(arguments, arguments.data_dir or Path(scratch))
    print(json.dumps(figures))
    if any(missed(part, TARGETS) for part in figures.values()):
        sys.exit(1)


def _measure(arguments: argparse.Namespace, data_dir: Path) -> dict[str, dict[str, float]]:
    data, parts = arguments.data, arguments.only or list(PARTS)
    questions = [json.loads(line)["text"] for line in (data / "queries.jsonl").read_text().splitlines()]
    corpus = data / "corpus.jsonl.gz"
    cache_dir = load_settings().cache_dir
    if ASKING.intersection(parts) and "ingestion" not in parts and not (data_dir / "catalog.db").exists():
        parts = ["ingestion", *parts]
    scenarios = arguments.scenario or list(degradation.SCENARIOS)
    load = {"seed": arguments.seed, "requests": QUICK if arguments.quick else REQUESTS}
    benches: dict[str, Callable[[], dict[str, float]]] = {
        "embedding": lambda: embedding.measure(questions, cache_dir),
        "decision": lambda: asyncio.run(decision.measure(questions, cache_dir, arguments.entries)),
        "lexical": lambda: lexical.measure(questions, corpus),
        "ingestion": lambda: ingestion.measure(corpus, cache_dir, data_dir),
        "serving": lambda: asyncio.run(serving.measure(questions, data_dir)),
        "degradation": lambda: uvloop.run(degradation.measure(scenarios, questions, data_dir, **load)),
        "reads-while-writing": lambda: asyncio.run(
            reads_while_writing.measure(questions, corpus, data_dir, arguments.writes)
        ),
        "evidence": lambda: asyncio.run(evidence.measure(data, data_dir)),
        "replay": lambda: asyncio.run(replay.measure(data, data_dir, requests=arguments.replayed, seed=arguments.seed)),
        "overload": lambda: uvloop.run(overload.measure(questions, data_dir, runs=arguments.runs, **load)),
        "planner": lambda: uvloop.run(planner.measure(questions, data_dir, cores=os.cpu_count() or 1, **load)),
    }
    return {part: _shown(part, benches[part]) for part in PARTS if part in parts}


def _shown(name: str, bench: Callable[[], dict[str, float]]) -> dict[str, float]:
    sys.stderr.write(f"{name}\n")
    figures = bench()
    misses = missed(figures, TARGETS)
    for key, value in figures.items():
        sys.stderr.write(f"  {key:36} {value:12.3f}{' missed' if key in misses else ''}\n")
    return figures


if __name__ == "__main__":
    main()
