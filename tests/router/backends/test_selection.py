from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.backends.evidence import Candidate, Features
from router.backends.selection import Quote, select

NOTHING = Features(*[0.0] * len(Features._fields))


def sentence(words: int, excerpt: int = 0) -> Candidate:
    return Candidate(" ".join(["word"] * words), excerpt, NOTHING)


def picked(
    candidates: list[Candidate], probabilities: list[float], *, max_words: int = 60, max_citations: int = 3
) -> list[tuple[int, int]]:
    """Which candidates, and how many words of each."""
    quotes = select(candidates, probabilities, max_words=max_words, max_citations=max_citations)
    places = {id(candidate): place for place, candidate in enumerate(candidates)}
    return [(places[id(quote.candidate)], quote.words) for quote in quotes]


def test_a_sure_sentence_stands_alone() -> None:
    assert picked([sentence(20), sentence(5), sentence(5, 1)], [0.97, 0.02, 0.01]) == [(0, 20)]


def test_in_doubt_a_second_source_is_quoted() -> None:
    assert picked([sentence(20), sentence(5), sentence(5, 1)], [0.6, 0.01, 0.39]) == [(0, 20), (2, 5)]


def test_an_excerpt_counts_with_all_its_sentences() -> None:
    candidates = [sentence(5, 0), sentence(5, 1), sentence(5, 1), sentence(5, 1)]
    assert picked(candidates, [0.34, 0.32, 0.3, 0.04])[0] == (1, 5)


def test_a_further_excerpt_is_quoted_by_its_best_sentence() -> None:
    candidates = [sentence(5, 0), sentence(30, 1), sentence(5, 1)]
    assert picked(candidates, [0.6, 0.3, 0.1])[:2] == [(0, 5), (1, 30)]


def test_an_overlong_sentence_is_cut_with_an_ellipsis() -> None:
    (quote,) = select([sentence(80)], [1.0], max_words=60, max_citations=3)
    assert quote.words == 59  # and the citation
    assert quote.text == " ".join(["word"] * 59) + "…"


def test_a_further_source_is_cut_to_the_room_left_unless_that_says_nothing() -> None:
    assert picked([sentence(40), sentence(30, 1)], [0.5, 0.5]) == [(0, 40), (1, 18)]
    assert picked([sentence(52), sentence(30, 1)], [0.5, 0.5]) == [(0, 52)]
    assert picked([sentence(52), sentence(6, 1)], [0.5, 0.5]) == [(0, 52), (1, 6)]


def test_a_second_sentence_of_a_source_is_quoted_whole_or_not() -> None:
    assert picked([sentence(40), sentence(30)], [0.5, 0.5]) == [(0, 40)]


def test_no_more_sources_than_allowed() -> None:
    candidates = [sentence(5, excerpt) for excerpt in range(5)]
    assert picked(candidates, [0.2] * 5, max_citations=2) == [(0, 5), (1, 5)]


def test_a_text_keeps_its_line_breaks() -> None:
    assert Quote(Candidate("one\n  two three", 0, NOTHING), 2).text == "one\n  two…"
    assert Quote(Candidate("one\n  two", 0, NOTHING), 2).text == "one\n  two"


def test_characters_of_scripts_without_spaces_are_words() -> None:
    assert Quote(Candidate("数据库很快。", 0, NOTHING), 3).text == "数据库…"


def test_nothing_to_choose_from() -> None:
    assert select([], [], max_words=60, max_citations=3) == []


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(0, 5), st.floats(0.01, 1.0)), min_size=1, max_size=12),
    st.integers(10, 70),
    st.integers(1, 4),
)
def test_the_bounds_hold(drawn: list[tuple[int, int, float]], max_words: int, max_citations: int) -> None:
    candidates = [sentence(words, excerpt) for words, excerpt, _ in drawn]
    total = sum(chance for *_, chance in drawn)
    chances = [chance / total for *_, chance in drawn]
    quotes = select(candidates, chances, max_words=max_words, max_citations=max_citations)
    assert quotes
    assert sum(len(quote.text.split()) + 1 for quote in quotes) <= max_words
    assert len({quote.candidate.excerpt for quote in quotes}) <= max_citations
    assert len({id(quote.candidate) for quote in quotes}) == len(quotes)
