"""`steadyrag ask`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rag.cli.output import people, print_json, run, say
from rag.cli.remote import connect, key_of, service_url
from rag.errors import InvalidRequest
from rag.settings import load_settings


def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What you want to know.")],
    collection: Annotated[str, typer.Option(help="Where to look.")] = "default",
    url: Annotated[str | None, typer.Option(help="A running service; found by itself when it is local.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as one JSON object.")] = False,
) -> None:
    """Ask a question and print the answer with its citations.

    Example: `steadyrag ask "How do I change the number of shards?"`
    """
    settings = load_settings(config)
    question = os.fsencode(question).decode(errors="replace")  # an argument may hold bytes that are no text
    if not question.strip():
        raise InvalidRequest('the question is empty; try: steadyrag ask "What is a circuit breaker?"')
    remote = service_url(settings, url)
    if remote is None:
        from rag.cli.composed import answered  # noqa: PLC0415 - half a second, for nothing where a service runs

        answer, empty = run(answered(settings, question, collection))
    else:
        answer, empty = run(_remote(remote, key_of(settings), question, collection))
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    if empty:
        hint = f"the collection {collection!r} has no documents; run: steadyrag ingest PATH"
        people.print(hint, highlight=False, soft_wrap=True)


async def _remote(url: str, key: str | None, question: str, collection: str) -> tuple[dict[str, Any], bool]:
    """The answer, and whether there was nothing to find it in."""
    body = {"messages": [{"role": "user", "content": question}], "steadyrag": {"collection": collection}}
    async with connect(url, key) as service:
        answer = await service.call("POST", "/v1/chat/completions", body)
        if answer["steadyrag"]["answered"]:
            return answer, False
        found = await service.call("GET", f"/v1/documents?collection={collection}&limit=1")
        return answer, not found["documents"]


def _show(answer: dict[str, Any]) -> None:
    say(answer["choices"][0]["message"]["content"])
    cited = {citation["source"]: citation["marker"] for citation in answer["citations"]}
    for source in answer["sources"]:
        if source["id"] in cited:
            people.print(f"  {cited[source['id']]} {source['title']} ({source['document_id']})")
    if answer["steadyrag"]["degraded"]:
        people.print(f"  degraded: {', '.join(answer['steadyrag']['degraded'])}")
