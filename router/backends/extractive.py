"""An answerer without a model: it picks the sentences that answer out of the excerpts, and cites them.

Deterministic, with no weights of its own, so it serves where no model does: as the default of a fresh installation and
as the last resort when every model is down.
"""

from __future__ import annotations

import logging
import math
import re
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from router.backends.evidence import Candidate, find_candidates
from router.backends.question import Question
from router.backends.selection import Quote, select
from router.types import Chunk, Excerpt, FinishReason, Prompt, TokenUsage

#: Texts and a bound in seconds -> unit vectors, shape [len(texts), dimension].
Embed = Callable[[Sequence[str], float], Awaitable[npt.NDArray[np.float32]]]
#: Texts -> tokens of each.
CountTokens = Callable[[Sequence[str]], list[int]]

#: The label of an answer that was chosen by its words alone.
WITHOUT_EMBEDDER = "embedder-unavailable"
#: Log-odds that a cosine of 1 over one of 0 adds; fitted together with `evidence.WEIGHTS`.
_COSINE_WEIGHT = 4.8
#: What a unit of a sentence's score counts in cosine when it comes to answering at all: the logit's ratio of the two.
_SCORE_WEIGHT = 0.065
#: A sentence is compared by its meaning only if its words give it this chance, relative to the best one's.
_CONTENDER = 0.3
#: Only the beginning of a very long sentence, a code block say, is compared: the cost grows with the length.
_COMPARED_CHARS = 240

#: A word with the space before it.
_WORD = re.compile(r"\s*\S+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtractiveConfig:
    """Limits and thresholds.

    The thresholds were chosen on SQuAD questions, asked with and without their article among the excerpts, so that
    about 3 % of those with it are refused.

    Attributes:
        max_words: bound of the answer, citations included.
        max_citations: bound of the distinct excerpts cited.
        max_compared: bound of the sentences that are embedded for one answer.
        min_evidence: least evidence to answer on, as cosine of a sentence to the question plus its weighted score.
        min_score: least score to answer on without embeddings.
        embed_timeout_s: bound of the embedding, seconds; past it the words alone decide.
        not_found: the answer when nothing fits.
    """

    max_words: int = 60
    max_citations: int = 3
    max_compared: int = 3
    min_evidence: float = 0.9
    min_score: float = 6.2
    embed_timeout_s: float = 0.5
    not_found: str = "I could not find an answer to this in the indexed documents."


class ExtractiveBackend:
    """Answers with sentences of the excerpts, each followed by the marker of its excerpt.

    Of the sampling parameters only `max_tokens` has a meaning here.

    Args:
        embed: an embedder; when it fails, the words alone decide, since this back end must answer when others cannot.
        count_tokens: counts for usage and `max_tokens`.
        name: the name that answers state.
        config: limits and thresholds.
    """

    def __init__(
        self,
        embed: Embed,
        count_tokens: CountTokens,
        *,
        name: str = "extractive",
        config: ExtractiveConfig | None = None,
    ) -> None:
        self._embed = embed
        self._count_tokens = count_tokens
        self._name = name
        self._config = config or ExtractiveConfig()

    @property
    def name(self) -> str:
        """The name that answers state."""
        return self._name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """Answer with one chunk per sentence; the last one tells whether the excerpts answer at all."""
        quotes, degraded = await self._quotes(prompt, timeout_s)
        pieces = _cited(quotes, prompt.excerpts) or [self._config.not_found]
        (*first, last), tokens, finish_reason = self._within(prompt.sampling.max_tokens, pieces)
        for piece in first:
            yield Chunk(piece, degraded=degraded)
        usage = TokenUsage(self._prompt_tokens(prompt), tokens)
        yield Chunk(last, finish_reason, usage, answered=bool(quotes), degraded=degraded)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _quotes(self, prompt: Prompt, timeout_s: float) -> tuple[list[Quote], tuple[str, ...]]:
        """What answers, and the label of the embedder if it had to be done without."""
        question = Question.of(prompt.question)
        candidates = find_candidates(question, prompt.excerpts) if question.weights else []
        if not candidates:
            return [], ()
        compared = self._contenders(candidates)
        cosines = await self._cosines(prompt.question, compared, timeout_s)
        degraded = (WITHOUT_EMBEDDER,) if cosines is None else ()
        if not self._answers(compared, cosines):
            return [], degraded
        scores = np.array([candidate.score for candidate in candidates])
        if cosines is not None:
            # The sentences that were not compared count as if they had the mean cosine.
            scores[: len(compared)] += _COSINE_WEIGHT * (cosines - cosines.mean())
        chances = np.exp(scores - scores.max())
        limits = self._config
        quotes = select(
            candidates,
            (chances / chances.sum()).tolist(),
            max_words=limits.max_words,
            max_citations=limits.max_citations,
        )
        return quotes, degraded

    def _contenders(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        least = candidates[0].score + math.log(_CONTENDER)
        return [candidate for candidate in candidates[: self._config.max_compared] if candidate.score >= least]

    async def _cosines(
        self, question: str, compared: Sequence[Candidate], timeout_s: float
    ) -> npt.NDArray[np.float32] | None:
        texts = [question, *(candidate.text[:_COMPARED_CHARS] for candidate in compared)]
        try:
            vectors = await self._embed(texts, min(timeout_s, self._config.embed_timeout_s))
        except Exception as error:  # noqa: BLE001 - whose embedder it is, and so what it raises, is unknown here
            _log.info("the words alone decide, the embedder failed: %s", type(error).__name__)
            return None
        cosines: npt.NDArray[np.float32] = vectors[1:] @ vectors[0]
        return cosines

    def _answers(self, compared: Sequence[Candidate], cosines: npt.NDArray[np.float32] | None) -> bool:
        scores = np.array([candidate.score for candidate in compared])
        if cosines is None:
            return bool(scores[0] >= self._config.min_score)
        return bool((cosines + _SCORE_WEIGHT * scores).max() >= self._config.min_evidence)

    def _within(self, max_tokens: int | None, pieces: Sequence[str]) -> tuple[list[str], int, FinishReason]:
        """The pieces cut to `max_tokens`, with their tokens."""
        kept: list[str] = []
        total = 0
        for piece, tokens in zip(pieces, self._count_tokens(pieces), strict=True):
            if max_tokens is not None and total + tokens > max_tokens:
                head, head_tokens = self._head(piece, max_tokens - total)
                return [*kept, head], total + head_tokens, "length"
            kept.append(piece)
            total += tokens
        return kept, total, "stop"

    def _head(self, piece: str, max_tokens: int) -> tuple[str, int]:
        """As many words of the piece as fit, with their tokens."""
        words = _WORD.findall(piece)
        totals = list(accumulate(self._count_tokens(words)))
        fitting = bisect_right(totals, max_tokens)
        return "".join(words[:fitting]), totals[fitting - 1] if fitting else 0

    def _prompt_tokens(self, prompt: Prompt) -> int:
        uncounted = [excerpt.text for excerpt in prompt.excerpts if not excerpt.tokens]
        counted = sum(excerpt.tokens for excerpt in prompt.excerpts)
        return counted + sum(self._count_tokens([prompt.question, *uncounted]))


def _cited(quotes: Sequence[Quote], excerpts: Sequence[Excerpt]) -> list[str]:
    """Each quote with its marker; a text that holds a marker itself, as a footnote mark say, must not cite by it."""
    markers = re.compile("|".join(re.escape(excerpt.marker) for excerpt in excerpts))
    pieces = [f"{markers.sub('', quote.text)} {excerpts[quote.candidate.excerpt].marker}" for quote in quotes]
    return [" " * (place > 0) + piece for place, piece in enumerate(pieces)]
