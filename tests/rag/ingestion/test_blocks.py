from __future__ import annotations

import pytest

from rag.ingestion.blocks import MAX_HEADING_CHARS, Block, Section, sections
from rag.types import Document


def markdown(text: str) -> list[Section]:
    return sections(Document("d", text, format="markdown"))


def outline(text: str) -> list[tuple[str, list[str]]]:
    return [
        ("/".join(heading.text for heading in section.path), [block.whole for block in section.blocks])
        for section in markdown(text)
    ]


def test_text_is_one_section_of_paragraphs_left_as_they_are() -> None:
    (section,) = sections(Document("d", "\n one\n  line *a*\n \n\t\r\ntwo\n"))
    assert section == Section((), (Block("prose", "one\n  line *a*"), Block("prose", "two")))


@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_nothing_has_no_sections(kind: str) -> None:
    assert sections(Document("d", " \n\n", format=kind)) == []


def test_headings_open_sections_and_go_with_the_text_below() -> None:
    source = "intro\n\n# A\n\n## B\n\nb\n\n### C\n\nc\n\n## D\n\nd\n\n# E\n\ne"
    assert outline(source) == [
        ("", ["intro"]),
        ("A/B", ["# A", "## B", "b"]),
        ("A/B/C", ["### C", "c"]),
        ("A/D", ["## D", "d"]),
        ("E", ["# E", "e"]),
    ]


def test_a_heading_without_text_below_is_text_of_the_section_above() -> None:
    assert outline("# A\n\na\n\n## Empty\n\n## B\n\nb\n\n# Last") == [
        ("A", ["# A", "a", "## Empty"]),
        ("A/B", ["## B", "b"]),
        ("", ["# Last"]),
    ]
    assert outline("# Only") == [("", ["# Only"])]
    assert outline("# A\n\n## B") == [("A", ["# A", "## B"])]


def test_headings_of_the_same_wording_are_told_apart() -> None:
    assert outline("# A\n\nx\n\n# A\n\ny") == [("A", ["# A", "x"]), ("A", ["# A", "y"])]
    assert outline("# A\n\n# A\n\ny") == [("", ["# A"]), ("A", ["# A", "y"])]


def test_levels_that_are_skipped_nest_all_the_same() -> None:
    assert [path for path, _ in outline("### C\n\nc\n\n# A\n\na\n\n#### D\n\nd")] == ["C", "A", "A/D"]


def test_a_heading_of_a_paragraphs_length_is_a_paragraph() -> None:
    long = "word " * (MAX_HEADING_CHARS // 5) + "end"
    assert outline(f"# {long}\n\ntext") == [("", [long, "text"])]


@pytest.mark.parametrize(
    ("source", "block"),
    [
        ("a *b*\nc", Block("prose", "a b c")),
        ("```py title=x\nx = 1\n\n  y\n```", Block("lines", "x = 1\n\n  y", head="```py\n", tail="\n```")),
        ("~~~\nx\n~~~", Block("lines", "x", head="~~~\n", tail="\n~~~")),
        ("    indented", Block("lines", "indented", head="```\n", tail="\n```")),
        ("| a | b |\n|---|---|\n| 1 | `2` |\n| 3 | |", Block("lines", "1 | 2\n3 | ", head="a | b\n")),
        ("| a | b |\n|---|---|", Block("lines", "a | b")),
        (
            "- a\n- b\n  more\n\n  para\n  - c\n\n    ```\n    d\n    ```",
            Block("prose", "- a\n- b more\n  para\n  - c\n    d"),
        ),
        ("3. a\n4. b", Block("prose", "3. a\n4. b")),
        ("> quoted\n>\n> twice", Block("prose", "quoted\n\ntwice")),
        ("> # inner", Block("prose", "inner")),
        ("<div>\n<!-- no --><b>x</b> &lt; y\n<script>js</script></div>", Block("prose", "x < y")),
    ],
)
def test_blocks(source: str, block: Block) -> None:
    assert markdown(source) == [Section((), (block,))]


@pytest.mark.parametrize("source", ["---", "```\n```", "<!-- comment -->", "[ref]: http://x.org", "#", "- \n- "])
def test_what_shows_nothing_is_no_block(source: str) -> None:
    assert markdown(f"{source}\n\ntext") == [Section((), (Block("prose", "text"),))]


def test_html_is_read_through_markdown() -> None:
    pytest.importorskip("selectolax")
    (section,) = sections(Document("d", "<h1>T</h1><p>a_b", format="html"))
    assert [block.whole for block in section.blocks] == ["# T", "a_b"]


def test_deep_nesting_keeps_its_text() -> None:
    assert outline("> " * 30 + "deep") == [("", ["deep"])]
    assert outline("- " * 15 + "deep") == [("", ["  " * 14 + "- deep"])]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["<!--", "<script", "<div>\n", "<a", "# a\n", "- ", "|a|b|\n|-|-|\n", "[", "**a"])
def test_hostile_repetition(unit: str) -> None:
    assert isinstance(markdown("<div>\n" + unit * 5_000), list)
