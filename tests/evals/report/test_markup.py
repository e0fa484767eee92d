import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.report.markup import Markup, join, percent, tag


def test_markup_stays_and_text_is_escaped():
    assert tag("p", "a < b & c", tag("b", "d")) == "<p>a &lt; b &amp; c<b>d</b></p>"


@given(st.text(), st.text())
def test_no_text_becomes_code(content, attribute):
    element = ET.fromstring(tag("p", content, title=attribute))
    assert not list(element)
    assert element.attrib.keys() == {"title"}


@pytest.mark.parametrize("text", ["\x00", "\x1b[0m", "\ud800", "\ufffe"])
def test_what_no_page_may_hold_is_shown_as_unknown(text):
    assert "\ufffd" in tag("p", text)
    assert tag("p", text).encode()


def test_attributes_get_the_names_that_html_knows_and_none_is_left_out():
    assert tag("line", class_="axis", stroke_width=2, id=None) == '<line class="axis" stroke-width="2"></line>'


def test_children_are_taken_one_by_one_and_none_is_left_out():
    assert join([Markup("<i/>"), None, (n for n in (1, 2.5)), ["&", []]]) == "<i/>12.5&amp;"


def test_percent():
    assert percent(0.12345) == "12.35%"
