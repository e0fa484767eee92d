"""What a text costs of a passage's room, in the embedder's tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

CountTokens = Callable[[Sequence[str]], list[int]]

#: Tokenizers take a "word" that they do not know, of any length, for one token; so a text never costs less than this.
MAX_CHARS_PER_TOKEN = 16
#: Texts in one call of the tokenizer, which keeps more than the numbers of each while it works.
_BATCH = 4096


class Costs:
    """The cost of texts: their tokens, and never under one for every `MAX_CHARS_PER_TOKEN` characters.

    Args:
        count_tokens: tokens of each text, without the special ones.
        max_tokens: what costs more than this need not be told apart; bounds what the tokenizer is given.
    """

    def __init__(self, count_tokens: CountTokens, max_tokens: int) -> None:
        self._count_tokens = count_tokens
        self._max_chars = max_tokens * MAX_CHARS_PER_TOKEN

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The cost of each text; a text that is too long to fit may cost less than its tokens, but still too much."""
        return [
            max(count, -(-len(text) // MAX_CHARS_PER_TOKEN))
            for start in range(0, len(texts), _BATCH)
            for text, count in self._counted(texts[start : start + _BATCH])
        ]

    def _counted(self, texts: Sequence[str]) -> zip[tuple[str, int]]:
        return zip(texts, self._count_tokens([text[: self._max_chars] for text in texts]), strict=True)
