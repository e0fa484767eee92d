from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.normalise import normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How tall is it?", "how tall is it"),
        ("  How \t tall\nis it ??", "How tall is it"),
        ("How tall is it.", "How tall is it ?"),
        ("How\u00a0tall", "how tall"),
        ("Straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("塔の高さは？", "塔の高さは"),
    ],
)
def test_differences_without_meaning_vanish(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 10²?", "What is 102?"),
        ("What is ½?", "What is 1/2?"),
        ("What is 5!?", "What is 5?"),
        ("Is C++ fast?", "Is C fast?"),
        ("Is 1.5 more?", "Is 15 more?"),
        ("cafe", "café"),
        ("enable it", "disable it"),
        ("a b", "ab"),
    ],
)
def test_differences_with_meaning_stay(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(st.text())
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(), st.sampled_from(["", "?", " ", " ?\n", "。"]))
def test_closing_marks_and_spaces_do_not_matter(text: str, closing: str) -> None:
    assert normalise(f" {text}{closing}") == normalise(text)
