"""A document cut into passages: along its structure, between sentences, each short enough for the embedder.

Passages never reach across headings, since the headings are their context. Within a section the blocks are packed in
order as long as they fit, and a passage prefers to end with a block: only a block that fits no passage is cut, or one
that follows less than `MIN_TOKENS`, so that no crumb is left standing alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, takewhile
from typing import NamedTuple

from rag.ingestion.blocks import Path, Section, sections
from rag.ingestion.context import Context, contexts
from rag.ingestion.identity import passage_id
from rag.ingestion.pieces import Part, cut
from rag.ingestion.tokens import Costs, CountTokens
from rag.types import Document, Passage, Space

#: Of less than this no passage is made where its neighbour has room.
MIN_TOKENS = 32
#: A context takes at most this many tokens, and at most a quarter of the passage.
MAX_CONTEXT_TOKENS = 64
#: The start and end marks that the embedder's model adds.
_SPECIAL_TOKENS = 2


class Draft(NamedTuple):
    """A passage before it has a name."""

    context: Context
    text: str
    tokens: int


class Chunker:
    """Cuts documents. CPU work: call it off the event loop.

    Args:
        count_tokens: tokens of each text in the embedder's tokenizer, without the special ones.
        max_tokens: bound of a passage with its context and the special tokens, at least 32.
        overlap_sentences: sentences repeated where a cut falls inside a paragraph or list.
    """

    def __init__(self, count_tokens: CountTokens, max_tokens: int = 256, overlap_sentences: int = 1) -> None:
        if max_tokens < 32:
            raise ValueError(f"max_tokens is {max_tokens}, less than 32")
        self._costs = Costs(count_tokens, max_tokens)
        self._room = max_tokens - _SPECIAL_TOKENS
        self._context_room = min(MAX_CONTEXT_TOKENS, max_tokens // 4)
        self._overlap = overlap_sentences

    def split(self, space: Space, document: Document) -> tuple[Passage, ...]:
        """The document's passages in order; none for a document without text.

        A document that fits is one passage, and plain text is then left as it is but for outer white space.

        Raises:
            ConfigError: the document is HTML and selectolax is not installed.
        """
        found = sections(document)
        if not found:
            return ()
        drafts = self._whole(document, found) or self._sections(document, found)
        return tuple(_named(space, document, drafts))

    def _whole(self, document: Document, found: Sequence[Section]) -> list[Draft]:
        """The one passage that holds the whole document, if it fits."""
        (context,) = contexts(
            document.title, [_common([section.path for section in found])], self._context_room, self._costs
        )
        blocks = (block for section in found for block in section.blocks if not context.shows(block))
        text = document.text.strip() if document.format == "text" else "\n\n".join(block.whole for block in blocks)
        tokens = context.tokens + self._costs([text])[0]
        return [Draft(context, text, tokens)] if tokens <= self._room else []

    def _sections(self, document: Document, found: Sequence[Section]) -> Iterator[Draft]:
        """The passages of a document that does not fit into one."""
        above = contexts(document.title, [section.path for section in found], self._context_room, self._costs)
        owned = [
            (context, block)
            for context, section in zip(above, found, strict=True)
            for block in section.blocks
            if not context.shows(block)
        ]
        rooms = [self._room - context.tokens for context, _ in owned]
        parts = cut([block for _, block in owned], rooms, self._costs)
        pairs = zip((context for context, _ in owned), parts, strict=True)
        for context, group in groupby(pairs, key=lambda pair: pair[0]):
            for run in self._runs([part for _, part in group], self._room - context.tokens):
                tokens = context.tokens + sum(part.cost for part in run)
                yield Draft(context, "\n\n".join(part.text for part in run), tokens)

    def _runs(self, parts: Sequence[Part], room: int) -> Iterator[list[Part]]:
        """The parts of one section in runs of at most `room` tokens; a part that is cut gives a piece to each run."""
        run: list[Part] = []
        used = 0
        for part in parts:
            if used + part.cost > room and (used >= MIN_TOKENS or (part.block.kind == "lines" and part.cost <= room)):
                yield run
                run, used = [], 0
            start = 0
            for at, piece in enumerate(part.pieces):
                extra = piece.cost + (part.frame if at == start else 0)
                if used + extra > room:
                    yield run + part.between(start, at)
                    start = self._resume(part, at, room)
                    run, used = [], part.frame + sum(repeated.cost for repeated in part.pieces[start:at])
                    extra = piece.cost
                used += extra
            run += part.between(start, len(part.pieces))
        if run:
            yield run

    def _resume(self, part: Part, at: int, room: int) -> int:
        """Where to go on when the piece `at` does not fit any more: before it by the overlap."""
        start = max(0, at - self._overlap)
        repeated = part.between(start, at)
        fits = all(each.cost <= room // 4 and each.cost + part.pieces[at].cost <= room for each in repeated)
        intact = all(piece.intact for piece in part.pieces[start:at])
        return start if part.block.kind == "prose" and fits and intact else at


def _common(paths: Sequence[Path]) -> Path:
    """The headings that all paths begin with."""
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return tuple(level[0] for level in levels)


def _named(space: Space, document: Document, drafts: Iterable[Draft]) -> Iterator[Passage]:
    seen: Counter[tuple[str, str]] = Counter()
    for ordinal, (context, text, tokens) in enumerate(drafts):
        key = (context.heading, text)
        yield Passage(
            id=passage_id(space, document, *key, seen[key]),
            document_id=document.id,
            ordinal=ordinal,
            text=text,
            title=context.title,
            heading=context.heading,
            url=document.url,
            tokens=tokens,
            metadata=document.metadata,
        )
        seen[key] += 1
