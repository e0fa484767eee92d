from __future__ import annotations

import pytest

from rag.ingestion.readers.markdown import parse, plain, read


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# The *first* `heading`\n\ntext", "The first heading"),
        ("Setext\n======\n\ntext", "Setext"),
        ("## second level\n\n# First level", "First level"),
        ("```\n# not a heading\n```\n\ntext", "page"),
        ("just text", "page"),
        ("---\ntitle: From the front\n---\n# Heading", "From the front"),
        ('---\ntitle: "Quoted: yes"\nother: 1\n---\ntext', "Quoted: yes"),
        ("---\nauthor: me\n---\n# Heading", "Heading"),
        ("---\ntitle: >\n  folded\n---\n# Heading", "Heading"),
    ],
)
def test_title(source: str, title: str) -> None:
    assert read("docs/page.md", source.encode()).title == title


def test_front_matter_is_no_text() -> None:
    document = read("page.md", b"---\ntitle: T\ntags: [a]\n---\nBody\n\n---\n\nrest")
    assert document.text == "Body\n\n---\n\nrest"
    assert document.format == "markdown"


@pytest.mark.parametrize(
    "source", ["---\nA rule above, not YAML\n---\n", "---\ntitle: never closed", "text\n---\na: b\n---\n"]
)
def test_rules_are_not_front_matter(source: str) -> None:
    assert read("page.md", source.encode()).text == source


def test_plain_keeps_what_a_reader_sees() -> None:
    source = (
        "**Bold** _it_ ~~old~~ `co*de` [label](http://x.org) ![a *cat*](c.png) <http://u.org> <b>tag</b> a\\*b &amp;\n"
        "soft  \nhard<br>break"
    )
    assert plain(parse(source)[1]) == "Bold it old co*de label a cat http://u.org tag a*b & soft\nhard\nbreak"


def test_a_title_is_looked_for_near_the_top() -> None:
    assert read("a.md", b"word\n" * 30_000 + b"# Late\n").title == "a"
