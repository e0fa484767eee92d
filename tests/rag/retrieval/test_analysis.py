from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.retrieval import analysis
from rag.retrieval.analysis import STOP_WORDS, Analyzer


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Running", "runs"),
        ("CACHES", "cache"),
        ("the river's bank", "river bank"),
        ("the river’s bank", "river bank"),
        ("What's the capital?", "capital"),
        ("It’s red.", "red"),
        ("state-of-the-art", "state art"),
        ("snake_case name", "snake case name"),
        ("Straße", "STRASSE"),
        ("C3PO, R2-D2!", "c3po r2 d2"),
        ("東京都", "東 京 都"),
        ("iPhone手机", "iphone 手 机"),
        ("한국어", "한 국 어"),
        ("can't", "can't"),
    ],
)
def test_these_are_the_same(analyzer: Analyzer, one: str, other: str) -> None:
    assert analyzer.terms(one)
    assert analyzer.terms(one) == analyzer.terms(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "dog"), ("don't", "done"), ("1889", "1888"), ("北京", "東京"), ("über", "uber")]
)
def test_these_are_not(analyzer: Analyzer, one: str, other: str) -> None:
    assert analyzer.terms(one) != analyzer.terms(other)


@pytest.mark.parametrize("text", ["", "   ", "?!… --", "the of and", "What is it? How was that?", "___"])
def test_what_says_nothing_has_no_terms(analyzer: Analyzer, text: str) -> None:
    assert analyzer.terms(text) == []


def test_every_stop_word_is_one(analyzer: Analyzer) -> None:
    assert analyzer.terms(" ".join(STOP_WORDS)) == []


def test_order_and_repetition_are_kept(analyzer: Analyzer) -> None:
    a, b, *rest = analyzer.terms("cat dog cats cat")
    assert rest == [a, a]
    assert a != b


def test_terms_are_stable_64_bit_numbers(analyzer: Analyzer) -> None:
    # A literal, since indexes on disk outlive the process: another value here makes them find nothing.
    assert analyzer.terms("rivers") == [11485444849268923030]
    assert all(0 <= term < 1 << 64 for term in analyzer.terms("many different words stand here"))


def test_forgetting_words_changes_no_term(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"word{n} common" for n in range(100))
    expected = Analyzer().terms(text)
    monkeypatch.setattr(analysis, "CACHED_WORDS", 7)
    assert Analyzer().terms(text) == expected


def test_another_language_has_its_own_stems() -> None:
    assert Analyzer("german").terms("Häuser") == Analyzer("german").terms("Haus")
    assert Analyzer("german").terms("Häuser") != Analyzer().terms("Häuser")


def test_threads_share_an_analyzer(analyzer: Analyzer) -> None:
    texts = [" ".join(f"running{n % 50}s jumped{m}" for m in range(20)) for n in range(200)]
    expected = [Analyzer().terms(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(analyzer.terms, texts)) == expected
