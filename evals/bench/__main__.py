"""`python -m evals.bench`: the figures of docs/benchmarks.md, measured on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from evals.bench import embedding, ingestion, serving
from rag.settings import load_settings

DEFAULT_DATA = Path("../shared/data/retrieval/squad")
PARTS = ("embedding", "ingestion", "serving")


def main() -> None:
    """Run the chosen parts, print each figure, and all of them as one JSON object at the end."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the service on this machine.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="BEIR folder: corpus.jsonl.gz, queries.jsonl")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    parser.add_argument("--data-dir", type=Path, help="keep the ingested corpus here, and use it if it is there")
    arguments = parser.parse_args()
    if not (arguments.data / "queries.jsonl").is_file():
        parser.error(f"no BEIR data in {arguments.data}; name a folder: make bench ARGS='--data DIR'")
    with tempfile.TemporaryDirectory() as scratch:
        figures = _measure(arguments.data, arguments.only or list(PARTS), arguments.data_dir or Path(scratch))
    print(json.dumps(figures))


def _measure(data: Path, parts: list[str], data_dir: Path) -> dict[str, dict[str, float]]:
    questions = [json.loads(line)["text"] for line in (data / "queries.jsonl").read_text().splitlines()]
    corpus = data / "corpus.jsonl.gz"
    cache_dir = load_settings().cache_dir
    if "serving" in parts and "ingestion" not in parts and not (data_dir / "catalog.db").exists():
        parts = ["ingestion", *parts]
    benches: dict[str, Callable[[], dict[str, float]]] = {
        "embedding": lambda: embedding.measure(questions, cache_dir),
        "ingestion": lambda: ingestion.measure(corpus, cache_dir, data_dir),
        "serving": lambda: asyncio.run(serving.measure(questions, data_dir)),
    }
    return {part: _shown(part, benches[part]) for part in PARTS if part in parts}


def _shown(name: str, bench: Callable[[], dict[str, float]]) -> dict[str, float]:
    sys.stderr.write(f"{name}\n")
    figures = bench()
    for key, value in figures.items():
        sys.stderr.write(f"  {key:28} {value:12.3f}\n")
    return figures


if __name__ == "__main__":
    main()
