"""Judged collections in BEIR's format: `corpus.jsonl[.gz]`, `queries.jsonl[.gz]`, `qrels/test.tsv`.

Format: Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models", 2021.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from evals.errors import CannotMeasure
from rag.errors import UnreadableDocument
from rag.ingestion.readers.jsonl import parse_line
from rag.types import Document

T = TypeVar("T")

#: Query -> document -> relevance; 0 and less: judged as not relevant.
Qrels = Mapping[str, Mapping[str, int]]
#: Unknown ids that a complaint names.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, questions, and which answers which.

    Attributes:
        name: the folder's.
        blank: ids of documents without text, which nothing can find.
        queries: id -> text, those that have a relevant document.
        qrels: of the same queries.
    """

    name: str
    documents: list[Document]
    blank: frozenset[str]
    queries: dict[str, str]
    qrels: Qrels


def read_collection(folder: Path, corpus: Path | None = None) -> Collection:
    """The collection in `folder`, with the documents of `corpus` if that is given.

    Raises:
        CannotMeasure: a file is missing or cannot be read, a line is not what it should be, an id occurs twice, or
            the judgements name a query or document that there is not, or nothing relevant.
    """
    corpus = corpus or _existing(folder / "corpus.jsonl", folder / "corpus.jsonl.gz")
    entries = _by_id(corpus, _document)
    texts = _by_id(_queries(folder), _text)
    file = _existing(folder / "qrels" / "test.tsv")
    qrels = _qrels(file)
    _refuse_unknown(file, "queries", qrels, texts)
    _refuse_unknown(file, "documents", (key for judged in qrels.values() for key in judged), entries)
    judged = {query: grades for query, grades in qrels.items() if max(grades.values()) > 0}
    if not judged:
        raise CannotMeasure(f"{file} names no relevant document")
    return Collection(
        name=folder.resolve().name,
        documents=[entry for entry in entries.values() if entry is not None],
        blank=frozenset(key for key, entry in entries.items() if entry is None),
        queries={query: texts[query] for query in judged},
        qrels=judged,
    )


def read_answers(folder: Path) -> dict[str, tuple[str, ...]]:
    """Gold answers of each query of `folder`, from `metadata.answers`; () where there are none.

    Raises:
        CannotMeasure: the file is missing or cannot be read, or a line is not what it should be.
    """
    return _by_id(_queries(folder), _answers)


def _queries(folder: Path) -> Path:
    return _existing(folder / "queries.jsonl", folder / "queries.jsonl.gz")


def _existing(*candidates: Path) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise CannotMeasure(f"there is no {candidates[0]}" + "".join(f", nor {path.name}" for path in candidates[1:]))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that hold something, counted from 1."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CannotMeasure(f"{path} cannot be read: {error}") from error


def _by_id(path: Path, parse: Callable[[dict[str, Any], str], tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for number, line in _lines(path):
        try:
            key, value = parse(_record(line), line)
        except (ValueError, UnreadableDocument) as error:
            raise CannotMeasure(f"{path}:{number}: {error}") from error
        if key in found:
            raise CannotMeasure(f"{path}:{number}: the id {key!r} occurs twice")
        found[key] = value
    return found


def _record(line: str) -> dict[str, Any]:
    record = orjson.loads(line)
    if isinstance(record, dict):
        return record
    raise ValueError("not a JSON object")


def _document(record: dict[str, Any], line: str) -> tuple[str, Document | None]:
    if record.get("text") in (None, "") or not str(record["text"]).strip():
        return _id(record), None
    document = parse_line(line)
    return document.id, document


def _text(record: dict[str, Any], _line: str) -> tuple[str, str]:
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("text is missing or blank")
    return _id(record), text


def _answers(record: dict[str, Any], _line: str) -> tuple[str, tuple[str, ...]]:
    metadata = record.get("metadata") or {}
    answers = metadata.get("answers", []) if isinstance(metadata, dict) else None
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise ValueError("metadata.answers is not a list of strings")
    return _id(record), tuple(answers)


def _id(record: dict[str, Any]) -> str:
    value = record.get("_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError("_id is not a string with something in it, nor a whole number")
    return str(value)


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        if number == 1 and line.startswith("query-id"):
            continue
        try:
            query, document, grade = line.rstrip("\r\n").split("\t")
            qrels.setdefault(query, {})[document] = int(grade)
        except ValueError:
            raise CannotMeasure(f"{path}:{number}: not query, document and whole number, with tabs between") from None
    return qrels


def _refuse_unknown(path: Path, what: str, named: Iterable[str], known: Mapping[str, object]) -> None:
    unknown = list(dict.fromkeys(key for key in named if key not in known))
    if unknown:
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        raise CannotMeasure(f"{path} names {what} that there are not: {', '.join(unknown[:NAMED])}{more}")
