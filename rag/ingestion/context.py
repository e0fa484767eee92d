"""The context of a passage, title and headings, kept short: it is repeated in every passage below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rag.ingestion.blocks import Block, Path
from rag.ingestion.tokens import Costs

_BETWEEN = " > "
_CUT = "…"
#: Of the one word that is too long by itself; Korean takes three for a syllable.
_WORST_TOKENS_PER_CHAR = 4


@dataclass(frozen=True, slots=True)
class Context:
    """What stands before a passage's text.

    Attributes:
        title, heading: as `Passage` has them.
        tokens: what both together take.
        path: the headings of the section.
        complete: whether all of these can be read here; in a context that was shortened they cannot.
    """

    title: str
    heading: str
    tokens: int
    path: Path
    complete: bool

    def shows(self, block: Block) -> bool:
        """Whether the block is a heading that the context already says; of a shortened context, none is."""
        return self.complete and block.kind == "heading" and self.path[: len(block.path)] == block.path


def contexts(title: str, paths: Sequence[Path], limit: int, costs: Costs) -> list[Context]:
    """The context of each section of a document, of at most `limit` tokens.

    A first heading with which the title begins is left out. Of a context that is too long, the title keeps half, and
    then the innermost headings stay, which say the most about the passage.
    """
    headings = [_BETWEEN.join(_below_title(title, path)) for path in paths]
    tokens = costs([_joined(title, heading) for heading in headings])
    return [
        Context(title, heading, cost, path, complete=True) if cost <= limit else _shortened(title, path, limit, costs)
        for path, heading, cost in zip(paths, headings, tokens, strict=True)
    ]


def _joined(title: str, heading: str) -> str:
    return _BETWEEN.join(part for part in (title, heading) if part)


def _below_title(title: str, path: Path) -> list[str]:
    """The headings without the first if the title says it already: "Set-up" below "Set-up - Site", for example."""
    texts = [heading.text for heading in path]
    first = texts[0].casefold().split() if texts else []
    said = title.casefold().split()[: len(first)] == first
    return texts[1:] if said else texts


def _shortened(title: str, path: Path, limit: int, costs: Costs) -> Context:
    below = _below_title(title, path)
    short_title = _cut(title, limit // 2 if below else limit, costs)
    left = limit - costs([short_title])[0]
    kept: list[str] = []
    for heading, cost in zip(reversed(below), costs(below[::-1]), strict=True):
        left -= cost + 1
        if left < 0:
            break
        kept.insert(0, heading)
    if below and not kept:
        kept = [_cut(below[-1], limit - costs([short_title])[0] - 1, costs)]
    heading = _BETWEEN.join(kept)
    return Context(short_title, heading, costs([_joined(short_title, heading)])[0], path, complete=False)


def _cut(text: str, limit: int, costs: Costs) -> str:
    """The first words of `text`, of at most `limit` tokens together with the mark of the cut."""
    if costs([text])[0] <= limit:
        return text
    words = text.split()[:limit]
    fitting = sum(total < limit for total in accumulate(costs(words)))
    kept = " ".join(words[:fitting]) or text[: limit // _WORST_TOKENS_PER_CHAR]
    return kept + _CUT
