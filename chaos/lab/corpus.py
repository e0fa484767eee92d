"""The documents of the lab: taken in once, and found again in a folder that is kept."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from chaos.errors import CannotRun
from chaos.faults import tether
from chaos.faults.process import last_words
from evals.bench.processes import steadyrag

#: Documents of this project; they are no part of an installed distribution.
DOCS = Path(__file__).parents[2] / "docs"
MARK = "corpus.json"


def corpus(data: Path | None) -> Path:
    """What `steadyrag ingest` is to read.

    Args:
        data: a folder in BEIR's format; None = the documentation of this project.

    Raises:
        CannotRun: it is not there.
    """
    if data is None:
        if DOCS.is_dir():
            return DOCS
        raise CannotRun("the documentation is not beside the packages; name a corpus with --data")
    for name in ("corpus.jsonl", "corpus.jsonl.gz"):
        if (data / name).is_file():
            return data / name
    raise CannotRun(f"{data} has no corpus.jsonl, nor corpus.jsonl.gz")


class Ingested:
    """What a lab's folder holds: one corpus, in so many shards, as its files were when they were taken in.

    Args:
        folder: the lab's.
        documents: what `corpus` found.
        shards: of the dense index.

    Attributes:
        done: whether all is in, as it is at this moment.

    Raises:
        CannotRun: the folder is a lab of something else.
    """

    def __init__(self, folder: Path, documents: Path, shards: int) -> None:
        self._file = folder / MARK
        self._documents = documents
        self._facts = {"documents": str(documents.resolve()), "shards": shards}
        self._files = _fingerprint(documents)
        told: dict[str, Any] = orjson.loads(self._file.read_bytes()) if self._file.exists() else dict(self._facts)
        if {name: told[name] for name in self._facts} != self._facts:
            raise CannotRun(f"{folder} is a lab of {told['documents']} in {told['shards']} shards; use another folder")
        self.done = told.get("files") == self._files
        self._write(told.get("files"))

    async def take_in(self, env: Mapping[str, str], log: Path) -> None:
        """Ingest what is not there, as a replica that does nothing else, beside those that start meanwhile.

        Args:
            env: the settings of such a replica.
            log: takes what the command says.

        Raises:
            CannotRun: the ingestion failed.
        """
        await _ingest(self._documents, env, log)
        self._write(self._files)
        self.done = True

    def _write(self, files: str | None) -> None:
        self._file.write_bytes(orjson.dumps({**self._facts, "files": files}))


def _fingerprint(documents: Path) -> str:
    """Changes with the files."""
    files = sorted(documents.rglob("*")) if documents.is_dir() else [documents]
    seen = [(str(file), stat.st_size, stat.st_mtime_ns) for file in files if (stat := file.stat())]
    return blake2b(repr(seen).encode(), digest_size=8).hexdigest()


async def _ingest(documents: Path, env: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid())),
            *steadyrag("ingest", str(documents), "--json"),
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        said, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    stored = orjson.loads(said.splitlines()[-1]) if said else {}
    # documents without text are reported, with status 1, and left out
    if not stored.get("stored", 0) + stored.get("unchanged", 0):
        raise CannotRun(f"{documents} was not taken in (status {process.returncode}): {last_words(log)}")
