import re
import xml.etree.ElementTree as ET

import pytest

from evals.errors import CannotMeasure
from evals.pages.found import MARKS
from evals.pages.page import KINDS, render, write

SHOWN = tuple(kind for kind in KINDS if kind != "gate")


def test_every_kind_that_is_told_apart_has_a_section_of_its_own():
    assert MARKS.keys() == KINDS.keys()


def test_every_kind_has_its_section_and_nothing_becomes_markup(found):
    html = render([found(kind) for kind in reversed(SHOWN)])
    made = ET.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    assert tuple(section.get("id") for section in made.iter("section")) == SHOWN
    assert [link.get("href") for link in made.iterfind(".//nav//a")] == [f"#{kind}" for kind in SHOWN]
    assert not list(made.iter("b")) or all(b.text != "&\"'" for b in made.iter("b"))
    assert not re.search(r"<script|<link|src=|url\(|https?:", html)


def test_a_kind_without_a_page_is_shown_as_figures(found):
    html = render([found("other", like="cache")])
    assert "recall at precision: product: 0.90" in html


def test_stored_runs_say_where_they_were_made(stored, made):
    html = render([stored("one", "latency", made["latency"]), stored("two", "latency", made["slower"])])
    assert "0123456789ab</td>" in html
    assert "2023-11-14 22:13 UTC" in html


def test_a_page_that_cannot_be_written(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotMeasure, match="cannot write"):
        write([found("cache")], tmp_path / "file" / "report.html")
