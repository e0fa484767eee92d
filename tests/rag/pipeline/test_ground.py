from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.pipeline.ground import ground, says_not_found
from rag.pipeline.prompt import NOT_FOUND
from rag.types import Passage, ScoredPassage

SOURCES = tuple(ScoredPassage(Passage(f"p{n}", "d", n, "text"), 1.0) for n in range(1, 13))


def cited(text: str) -> list[tuple[str, str, str]]:
    """(marker, source, claim with its marker) of each citation."""
    return [(c.marker, c.source, text[c.start : c.end]) for c in ground(text, SOURCES)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("No marker at all.", []),
        ("It is tall [1].", [("[1]", "p1", "It is tall [1]")]),
        ("It is tall.[1]", [("[1]", "p1", "It is tall.[1]")]),
        (
            "It is tall [1]. It is old [2].",
            [("[1]", "p1", "It is tall [1]"), ("[2]", "p2", "It is old [2]")],
        ),
        (
            "Both say so [1][2], one more [3].",
            [
                ("[1]", "p1", "Both say so [1]"),
                ("[2]", "p2", "Both say so [1][2]"),
                ("[3]", "p3", "one more [3]"),
            ],
        ),
        ("Twice [4] the same [4].", [("[4]", "p4", "Twice [4]"), ("[4]", "p4", "the same [4]")]),
        ("  Spaces before [12]", [("[12]", "p12", "Spaces before [12]")]),
        (
            "A line\nand another [2]\nand a third [3]",
            [("[2]", "p2", "A line\nand another [2]"), ("[3]", "p3", "and a third [3]")],
        ),
        ("Made up [99], and [0], and [13].", []),
        ("Made up [99], but true [1].", [("[1]", "p1", "but true [1]")]),
        ("Half made up [99][1].", [("[1]", "p1", "Half made up [99][1]")]),
        ("[1] begins", [("[1]", "p1", "[1]")]),
        ("Not a marker: [a], [1, 2], [ 1 ], [-1], [1234], (1)", []),
        ("Größe: 330 m – völlig klar [1]", [("[1]", "p1", "Größe: 330 m – völlig klar [1]")]),
    ],
)
def test_citations(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert cited(text) == expected


def test_without_sources_nothing_is_cited() -> None:
    assert ground("It is tall [1].", ()) == ()


PIECES = st.lists(st.sampled_from(["word", " ", "[1]", "[2]", "[99]", "[", "]", "7", "\n", "."]), max_size=20)


@given(PIECES)
def test_every_citation_names_a_source_and_ends_with_its_marker(pieces: list[str]) -> None:
    text = "".join(pieces)
    ends = []
    for citation in ground(text, SOURCES):
        assert citation.source == f"p{int(citation.marker.strip('[]'))}"
        assert text[citation.start : citation.end].endswith(citation.marker)
        assert text[citation.start] not in " \n."
        ends.append(citation.end)
    assert ends == sorted(set(ends))
    assert len(ends) == text.count("[1]") + text.count("[2]") + text.count("[7]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NOT_FOUND, True),
        (f"  {NOT_FOUND}\n", True),
        (NOT_FOUND.rstrip("."), True),
        (f"{NOT_FOUND} But I know something else.", True),
        ("", False),
        ("The tower is 330 metres tall [1].", False),
        (f"The manual says: {NOT_FOUND}", False),
    ],
)
def test_says_not_found(text: str, expected: bool) -> None:
    assert says_not_found(text) is expected
