from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ConfigError
from rag.ingestion.blocks import Block, sections
from rag.ingestion.readers.html import read, to_markdown
from rag.types import Document

pytest.importorskip("selectolax")

PAGE = """<!doctype html><html><head><title> The
  page </title><style>css</style></head><body><header>site</header><nav>menu</nav>
<main><header><h1>Real <em>title</em></h1></header>
<p>Some <b>bold</b>ness and <a href="x">a link</a>.<br>Next line.</p>
<ul><li>one<ul><li>nested</li></ul></li><li><p>two</p><p>more</p></li></ul>
<ol><li>first</li><li>second</li></ol>
<h2>Code # here</h2>
<pre><code>x = 1
  y = `2`</code></pre>
<table><tr><th>A|B</th><th>C</th></tr><tr><td><p>1</p><p>2</p></td><td>H<sub>2</sub>O</td></tr></table>
<script>js</script><noscript>nojs</noscript><template><p>template</p></template><aside>aside</aside>
</main><footer>foot</footer></body></html>"""

MARKDOWN = r"""# Real title

Some boldness and a link.\
Next line.

-   one

    -   nested

-   two

    more

1.  first

2.  second

## Code \# here

```
x = 1
  y = `2`
```

| A\|B | C |
| --- | --- |
| 1 2 | H2O |"""


def test_reads_a_page_as_markdown() -> None:
    document = read("site/page.html", PAGE.encode())
    assert document.text == MARKDOWN
    assert (document.id, document.title, document.format) == ("site/page.html", "The page", "markdown")


@pytest.mark.parametrize(
    ("markup", "title"),
    [("<h1>A <i>b</i></h1><p>x", "A b"), ("<title> </title><h1>H</h1>", "H"), ("<p>no title", "page")],
)
def test_title(markup: str, title: str) -> None:
    assert read("page.htm", markup.encode()).title == title


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("", ""),
        ("<p>a</p>b<p>c</p>", "a\n\nb\n\nc"),
        ("<div>a<article>only this</article></div>", "only this"),
        ("<article>one</article><article>two</article>", "one\n\ntwo"),
        ("<main> </main><p>body</p>", "body"),
        ("<body><header>site</header><p>text", "text"),
        ("<table><tr><td><h2>Layout</h2></td><td>cell</td></tr></table>", "## Layout\n\ncell"),
        ("<table><caption>Cap</caption><tr><td>1<tr><td>2<td>3</table>", "Cap\n\n| 1 |  |\n| --- | --- |\n| 2 | 3 |"),
        ("<table><tr><td>a<td><td>c<tr><td><td><tr><td>d</table>", "| a |  | c |\n| --- | --- | --- |\n| d |  |  |"),
        ("<table><tr><td>One.<tr><td>Two.</table><table><tr><td></table>", "One.\n\nTwo."),
        ("<h2>Set-up<a href='#x'>¶</a></h2>", "## Set-up"),
        ("<ul><li><ul><li>deep</ul></ul>", "-   deep"),
        ("<pre>```\nx</pre>", "````\n```\nx\n````"),
        ("<p>1. a_b *c* # <x>&lt;y> [z] &amp;amp;</p>", r"1\. a\_b \*c\* \# \<y> \[z\] \&amp;"),
        ("<my-card>a</my-card><my-card>b</my-card>", "a\n\nb"),
    ],
)
def test_structure(markup: str, markdown: str) -> None:
    assert to_markdown(markup)[0].strip() == markdown


def test_decodes_as_declared() -> None:
    data = '<meta charset="windows-1251"><p>Привет'.encode("cp1251")
    assert read("page.html", data).text == "Привет"


def test_a_declaration_that_is_no_encoding_of_the_web_is_ignored() -> None:
    assert read("page.html", '<meta charset="unicode_escape"><p>café \\x41'.encode("cp1252")).text == "café \\\\x41"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40))
def test_no_character_of_a_paragraph_is_lost_or_read_as_a_mark(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    read_back = [block.whole for section in sections_of(f"<p>{escaped}</p>") for block in section]
    assert " ".join(" ".join(read_back).split()) == " ".join(text.split())


def sections_of(markup: str) -> list[tuple[Block, ...]]:
    return [section.blocks for section in sections(Document("d", markup, format="html"))]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["<div>", "<ul><li>", "<table><tr><td>", "<b>x</b> ", "x<br>", "<p>"])
def test_hostile_nesting_and_repetition(unit: str) -> None:
    assert "end" in to_markdown(unit * 5_000 + "end")[0]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[documents\]'"):
        read("page.html", b"<p>x")


def test_lists_in_lists_keep_their_text_and_do_not_swell() -> None:
    text, _ = to_markdown("<ul><li>x" * 1_000)
    assert text.count("x") == 1_000
    assert len(text) < 100_000
    (section,) = sections(Document("a", text, format="markdown"))
    assert "".join(block.text for block in section.blocks).count("x") == 1_000
