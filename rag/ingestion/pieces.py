"""Blocks cut into the smallest parts that a passage may begin or end with: sentences, lines and, at need, words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.ingestion.blocks import Block
from rag.ingestion.tokens import Costs
from router.sentences import sentence_spans

_LINE = re.compile(r"^.*\S.*$", re.MULTILINE)
_WORD = re.compile(r"\S+")
#: A longer stretch of white space between two pieces is folded.
_MAX_GAP_CHARS = 8

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a block's text.

    Attributes:
        gap: the white space between it and the piece before it in the block.
        cost: what it takes of a passage's room, tokens.
        intact: a whole sentence or line, not a part of one.
    """

    text: str
    gap: str
    cost: int
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A block with its pieces.

    Attributes:
        frame: cost of the block's head and tail, which every passage with a piece of the block bears.
    """

    block: Block
    pieces: Sequence[Piece]
    frame: int

    @property
    def cost(self) -> int:
        """Tokens of frame and pieces."""
        return self.frame + sum(piece.cost for piece in self.pieces)

    @property
    def text(self) -> str:
        """The pieces as they read together, in the block's frame."""
        first, *rest = self.pieces
        body = "".join([first.text, *(part for piece in rest for part in (piece.gap, piece.text))])
        return f"{self.block.head}{body}{self.block.tail}"

    def between(self, start: int, end: int) -> list[Part]:
        """The part with the pieces from `start` to before `end` alone; nothing when there are none."""
        return [replace(self, pieces=self.pieces[start:end])] if end > start else []


def cut(blocks: Sequence[Block], rooms: Sequence[int], costs: Costs) -> list[Part]:
    """The blocks in pieces, each of which fits into a passage.

    Args:
        blocks: what to cut.
        rooms: tokens that a passage has for the text of the block at the same position.
        costs: counts tokens; one call for the frames and one for all pieces, unless a sentence fits no passage.
    """
    frames = costs([block.head + block.tail for block in blocks])
    framed = [_framed(*each) for each in zip(blocks, frames, rooms, strict=True)]
    spans = [_spans(block) for block, _ in framed]
    texts = [block.text[a:b] for (block, _), own in zip(framed, spans, strict=True) for a, b in own]
    counted = iter(costs(texts))
    return [
        Part(
            block,
            [fit for piece in _pieces(block.text, own, counted) for fit in _fit(piece, room - frame, costs)],
            frame,
        )
        for (block, frame), own, room in zip(framed, spans, rooms, strict=True)
    ]


def _framed(block: Block, frame: int, room: int) -> tuple[Block, int]:
    """The block and the cost of its frame; a frame that would take much of each passage is text like the rest."""
    if frame <= room // 4:
        return block, frame
    return replace(block, text=block.whole, head="", tail=""), 0


def _spans(block: Block) -> Spans:
    if block.kind == "prose":
        return sentence_spans(block.text)
    if block.kind == "lines":
        return [match.span() for match in _LINE.finditer(block.text)]
    return [(0, len(block.text))]


def _pieces(text: str, spans: Spans, costs: Iterator[int]) -> Iterator[Piece]:
    before = 0
    for (start, end), cost in zip(spans, costs, strict=False):
        yield Piece(text[start:end], _gap(text[before:start]), cost)
        before = end


def _gap(space: str) -> str:
    if len(space) <= _MAX_GAP_CHARS:
        return space
    return "\n\n" if space.count("\n") > 1 else "\n" if "\n" in space else " "


def _fit(piece: Piece, room: int, costs: Costs) -> Iterator[Piece]:
    """The piece, in words when it is too long for any passage, in characters where a word is."""
    if piece.cost <= room:
        yield piece
        return
    spans = [match.span() for match in _WORD.finditer(piece.text)]
    counted = iter(costs([piece.text[start:end] for start, end in spans]))
    for index, word in enumerate(_pieces(piece.text, spans, counted)):
        part = replace(word, gap=word.gap if index else piece.gap + word.gap, intact=False)
        if part.cost <= room:
            yield part
        else:
            yield from _characters(part, room, costs)


def _characters(word: Piece, room: int, costs: Costs) -> Iterator[Piece]:
    """The word in stretches, each counted as if its characters stood apart: the most that it can cost."""
    width = room
    while True:
        stretches = [word.text[start : start + width] for start in range(0, len(word.text), width)]
        counted = costs([" ".join(stretch) for stretch in stretches])
        if max(counted) <= room or width == 1:
            break
        width = max(width // 2, 1)
    for index, (stretch, cost) in enumerate(zip(stretches, counted, strict=True)):
        yield Piece(stretch, "" if index else word.gap, cost, intact=False)
