import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from evals.report.markup import Markup, tag
from evals.report.page import Card, badge, cards, facts, listing, page, section, table, tables

#: Least contrast of graphics and of text with what is behind them (WCAG 2.1, 1.4.11 and 1.4.3).
GRAPHICS, TEXT = 3.0, 4.5
#: Colours further apart than this in CIELAB are told apart side by side.
APART = 15.0
#: Linear RGB as those without L, M or S cones see it (Viénot 1999 for the first two; Machado 2009 for the last).
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "tritan": np.array([[1.25553, -0.07675, -0.17878], [-0.07841, 0.93081, 0.14760], [0.00473, 0.69137, 0.30390]]),
}


def body(*children):
    return ET.fromstring(page("<title>", *children).removeprefix("<!DOCTYPE html>\n"))


def palettes():
    style = body().find("head/style").text
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6})", text))
        for name, text in zip(("light", "dark"), blocks, strict=False)
    }


PALETTES = palettes()


def linear(colour):
    share = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    bright = [float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (one, other)]
    return max(bright) / min(bright)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = np.cbrt(np.clip(xyz / [0.9505, 1.0, 1.089], 1e-9, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_from_the_page(scheme):
    colours = PALETTES[scheme]
    assert all(contrast(colours[f"c{n}"], colours["page"]) >= GRAPHICS for n in range(1, 7))
    assert all(contrast(colours[ink], colours["page"]) >= TEXT for ink in ("ink", "soft", "good", "bad"))
    assert all(contrast(colours[ink], colours["panel"]) >= TEXT for ink in ("ink", "soft", "bad"))


@pytest.mark.parametrize("sight", BLINDNESS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_told_apart_by_everybody(scheme, sight):
    seen = {n: lab(np.clip(BLINDNESS[sight] @ linear(PALETTES[scheme][f"c{n}"]), 0, 1)) for n in range(1, 6)}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(seen, 2)}
    assert min(distances.values()) > APART, distances


def test_a_page_needs_nothing_from_elsewhere():
    html = page("t", tag("p", "text"))
    assert not re.search(r"<script|<link|src=|@import|url\(|https?:", html)
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_a_title_is_text():
    assert body().find("head/title").text == "<title>"


def test_a_table_scrolls_in_a_box_that_the_keyboard_reaches():
    made = body(table("Figures", ["name", "value", "note"], [["<a>", 1234.5, Markup("<b>x</b>")], ["b", None, "c"]]))
    box = made.find(".//div[@class='scroll']")
    assert box.get("tabindex") == "0"
    assert box.get("aria-label") == "Figures"
    cells = [["".join(cell.itertext()) for cell in row] for row in made.iter("tr")]
    assert cells == [["name", "value", "note"], ["<a>", "1,234", "x"], ["b", "–", "c"]]
    assert [cell.get("class") for cell in made.find(".//tbody/tr").findall("td")] == ["number", None]


def test_a_table_without_rows_still_has_its_head():
    assert len(list(body(table("Empty", ["a", "b"], [])).iter("th"))) == 2


@pytest.mark.parametrize(
    ("met", "style", "note"), [(True, "good", "x"), (False, "bad", "x: missed"), (None, None, "x")]
)
def test_a_card_says_in_words_whether_it_is_met(met, style, note):
    (card,) = body(cards([Card("Availability", "100 %", "x", met)])).iter("dl").__next__()
    assert card.get("class") == style
    assert [each.text for each in card] == ["Availability", "100 %", note]


@pytest.mark.parametrize(("good", "sign"), [(True, "✓"), (False, "✗")])
def test_a_badge_has_a_sign(good, sign):
    assert badge("pass", good=good).find(sign) > 0


def test_parts():
    made = body(
        section("Head", "words", anchor="here", badge=badge("pass", good=True)),
        tables(table("t", ["a"], [])),
        facts([("seed", "1")]),
        listing("a < b"),
    )
    assert made.find(".//section[@id='here']/h2").text == "Head "
    assert made.find(".//dl/dt").text == "seed"
    assert made.find(".//pre/code").text == "a < b"
