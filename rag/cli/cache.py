"""`steadyrag cache inspect` and `steadyrag cache warm`: what a running service has stored, and storing more."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cache.normalise import normalise
from rag.cli.output import FAILED, people, print_json, run, say
from rag.cli.remote import connect, key_of, service_url
from rag.errors import ConfigError, InvalidRequest, SteadyragError
from rag.settings import Settings, load_settings

if TYPE_CHECKING:
    from rag.cli.client import Remote

#: Questions that are asked at once: as many as leave a small service room for those who wait.
AT_ONCE = 4
#: Where a line of a log in JSON has its question.
KEYS = ("question", "query", "text", "prompt")

_Url = Annotated[str | None, typer.Option(help="A running service; found by itself when it is local.")]
_Config = Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def inspect(
    *,
    tenant: Annotated[str | None, typer.Option(help="Answers of this tenant.")] = None,
    collection: Annotated[str | None, typer.Option(help="Answers from this collection.")] = None,
    document: Annotated[str | None, typer.Option(help="Answers written from this document.")] = None,
    older_than_s: Annotated[float | None, typer.Option(min=0, help="Answers older than that, seconds.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Answers to show.")] = 20,
    url: _Url = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Show what the answer cache of a running service holds.

    Example: `steadyrag cache inspect --document guide.md`
    """
    asked = {"tenant": tenant, "collection": collection, "document": document, "older_than_s": older_than_s}
    query = urlencode({key: value for key, value in asked.items() if value is not None} | {"limit": limit})
    settings = load_settings(config)
    found = run(_stored(_running(settings, url), f"/admin/cache?{query}", key_of(settings)))
    if as_json:
        print_json(found)
        return
    whole = f"{found['entries']} answers, {found['bytes']:,} bytes; " if "entries" in found else ""
    people.print(f"{whole}{found['selected']} selected")
    for each in found["answers"]:
        say(f"{each['age_s']:>9.0f} s  {each['question']}  [{', '.join(each['documents'])}]")


async def _stored(url: str, path: str, key: str | None) -> dict[str, Any]:
    async with connect(url, key) as service:
        return await service.call("GET", path)


@dataclass(slots=True)
class Warmed:
    """What asking did: answers that were stored before, computed, not found in the documents, and failures."""

    questions: int = 0
    stored: int = 0
    computed: int = 0
    unanswered: int = 0
    failed: int = 0


def warm(
    *,
    log: Annotated[Path, typer.Option(metavar="FILE", help="One question a line, plain or as JSON.")],
    limit: Annotated[int, typer.Option(min=1, help="The most frequent questions to ask.")] = 1_000,
    collection: Annotated[str, typer.Option(help="Where to look.")] = "default",
    url: _Url = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Have a running service compute the answers to the most frequent questions of a log before somebody asks.

    Example: `steadyrag cache warm --log questions.txt --limit 500`
    """
    settings = load_settings(config)
    running = _running(settings, url)
    questions = head_of(log, limit)
    outcome = run(_warm(running, key_of(settings), questions, collection))
    if as_json:
        print_json(asdict(outcome))
    people.print(
        f"{outcome.questions} questions: {outcome.computed} computed, {outcome.stored} stored before, "
        f"{outcome.unanswered} not in the documents, {outcome.failed} failed",
        highlight=False,
    )
    if outcome.failed:
        raise typer.Exit(FAILED)


def head_of(log: Path, limit: int) -> list[str]:
    """The most frequent questions of the log, the most frequent first; those that are the same count together.

    Raises:
        InvalidRequest: the file cannot be read, or a line of JSON has no question.
    """
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{log} cannot be read: {error}") from error
    asked = [_question(line.strip(), f"{log}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    counts = Counter(map(normalise, asked))
    wording = {normalise(question): question for question in asked}
    return [wording[key] for key, _ in counts.most_common(limit)]


def _question(line: str, where: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"{where}: {error}") from error
    found = next((fields[key] for key in KEYS if isinstance(fields.get(key), str)), None)
    if found is None:
        raise InvalidRequest(f"{where}: no question under {', '.join(KEYS)}")
    return str(found)


async def _warm(url: str, key: str | None, questions: list[str], collection: str) -> Warmed:
    outcome, waiting = Warmed(), iter(questions)
    columns = TextColumn("warming"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=people) as progress:
        task = progress.add_task("warming", total=len(questions))
        async with connect(url, key) as service:

            async def ask_on() -> None:
                for question in waiting:
                    await _ask(service, question, collection, outcome)
                    progress.advance(task)

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(ask_on())
            except* SteadyragError as failed:
                raise failed.exceptions[0] from None
    return outcome


async def _ask(service: Remote, question: str, collection: str, outcome: Warmed) -> None:
    """Ask as one who does not wait, so that those who do go first."""
    extras = {"collection": collection, "priority": "batch"}
    body = {"messages": [{"role": "user", "content": question}], "steadyrag": extras}
    outcome.questions += 1
    try:
        answer = (await service.call("POST", "/v1/chat/completions", body))["steadyrag"]
    except ConfigError:
        raise
    except SteadyragError as error:
        outcome.failed += 1
        people.print(f"{question}: {error.message}", highlight=False)
        return
    if not answer["answered"]:
        outcome.unanswered += 1
    elif answer["cache"]["verdict"] == "miss":
        outcome.computed += 1
    else:
        outcome.stored += 1


def _running(settings: Settings, url: str | None) -> str:
    running = service_url(settings, url)
    if running is None:
        raise ConfigError("no service runs on this data folder; start one with steadyrag serve, or name it with --url")
    return running
