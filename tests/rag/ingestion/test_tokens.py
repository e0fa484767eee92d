from __future__ import annotations

from collections.abc import Sequence

from rag.ingestion.tokens import MAX_CHARS_PER_TOKEN, Costs


def test_a_text_costs_its_tokens() -> None:
    assert Costs(lambda texts: [len(text.split()) for text in texts], 100)(["a b c", "", "d"]) == [3, 0, 1]


def test_a_text_never_costs_less_than_its_length_calls_for() -> None:
    costs = Costs(lambda texts: [1] * len(texts), 100)
    assert costs(["x" * MAX_CHARS_PER_TOKEN, "x" * (MAX_CHARS_PER_TOKEN + 1), "x" * 10_000]) == [1, 2, 625]


def test_what_the_tokenizer_is_given_is_bounded() -> None:
    calls: list[Sequence[str]] = []

    def count(texts: Sequence[str]) -> list[int]:
        calls.append(texts)
        return [len(text) for text in texts]

    assert Costs(count, 10)(["x" * 1000, *["y"] * 10_000]) == [160, *[1] * 10_000]
    assert max(len(texts) for texts in calls) <= 4096
    assert max(len(text) for texts in calls for text in texts) == 10 * MAX_CHARS_PER_TOKEN
