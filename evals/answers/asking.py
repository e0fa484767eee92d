"""One question to the composed service, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evals.answers.squad import without_markers
from evals.composed import SPACE
from rag.compose import Service
from rag.errors import Unavailable
from rag.pipeline.request import Answer, Ask
from rag.types import ANONYMOUS, Deadline, Scope
from router.types import Message


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question.

    Attributes:
        text: the answer without its markers; "" when nothing was answered.
        cited: ids of the documents cited, each once, in the order of their first citation.
        refused: whether the service said that it found nothing.
        failed: code of the error, where there was one: neither an answer nor an honest refusal.
    """

    text: str = ""
    cited: tuple[str, ...] = ()
    refused: bool = False
    failed: str = ""
    degraded: tuple[str, ...] = ()


async def ask(service: Service, question: str) -> Reply:
    """As a request does it that neither reads nor writes the cache; a failure of a dependency is a reply, too."""
    request = Ask(
        principal=ANONYMOUS,
        scope=Scope(SPACE, "steadyrag", ""),
        deadline=Deadline.after(service.settings.timeout_s, service.clock),
        request_id="eval",
        messages=(Message("user", question),),
        cache="no-store",
    )
    try:
        events = [event async for event in service.pipeline.run(request)]
    except Unavailable as error:
        return Reply(failed=error.code)
    (answer,) = (event for event in events if isinstance(event, Answer))
    if not answer.answered:
        return Reply(refused=True, degraded=answer.degraded)
    return Reply(without_markers(answer.text), tuple(_documents(answer)), degraded=answer.degraded)


def _documents(answer: Answer) -> Iterable[str]:
    document_of = {source.passage.id: source.passage.document_id for source in answer.sources}
    return dict.fromkeys(document_of[citation.source] for citation in answer.citations)
