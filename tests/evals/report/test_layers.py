import math
import re
import xml.etree.ElementTree as ET

import pytest

from evals.report.axes import Axis
from evals.report.layers import SPAN, Band, Bars, Dots, Level, Line, Mark, Stack, Told, Window

X, Y = Axis("", 0, 10), Axis("", 0, 100)


def shapes(layer, name):
    return list(ET.fromstring(f"<svg>{layer.draw(X, Y)}</svg>").iter(name))


def points(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+),([\d.]+)", path.get("d"))]


def test_a_line_goes_through_its_points():
    (path,) = shapes(Line("p95", [0, 5, 10], [0, 50, 100], style=2), "path")
    assert points(path) == [(0, SPAN), (SPAN / 2, SPAN / 2), (SPAN, 0)]
    assert path.get("class") == "line s2"


def test_gaps_break_a_line_and_a_lonely_point_is_a_dot():
    (path,) = shapes(Line("p95", [0, 1, 2, 3, 4], [10, None, 10, math.nan, 10]), "path")
    assert path.get("d").count("M") == path.get("d").count("h0") == 3


def test_dots_tell_where_the_pointer_rests():
    dots = shapes(Dots("", [2, 4], [20, None], told=["two", "four"]), "circle")
    assert [(dot.get("cx"), dot.get("cy"), dot.find("title").text) for dot in dots] == [("20.00%", "80.00%", "two")]
    assert not Dots("", [], []).legend()
    assert not Line("", [], []).legend()
    assert Dots("seen", [], []).legend()


def test_a_band_goes_there_above_and_back_below():
    (path,) = shapes(Band("p50 to p95", [0, 10], [10, 20], [30, 40]), "path")
    assert points(path) == [(0, 700), (SPAN, 600), (SPAN, 800), (0, 900)]


def test_a_stack_stands_on_what_is_below_it():
    stack = Stack([0, 5, 10], [("a", [10, 20], 1), ("b", [5, 0], 2)])
    lower, upper = map(points, shapes(stack, "path"))
    assert [y for _, y in lower[:4]] == [900, 900, 800, 800]
    assert [y for _, y in upper[:4]] == [850, 850, 800, 800]
    assert sorted(upper[4:]) == sorted(lower[:4])


def test_bars_stand_about_their_place():
    (bar,) = shapes(Bars("n", [5, None], [25, 3], width=2), "rect")
    assert (bar.get("x"), bar.get("width"), bar.get("y"), bar.get("height")) == ("40.00%", "20.00%", "75.00%", "25.00%")


@pytest.mark.parametrize("outlined", [False, True])
def test_a_window_is_as_high_as_the_plot(outlined):
    (box,) = shapes(Window("fault", 2, 4, outlined), "rect")
    assert (box.get("x"), box.get("width"), box.get("height")) == ("20.00%", "20.00%", "100.00%")
    assert box.get("class") == ("outline" if outlined else "window")


def test_a_level_crosses_the_plot():
    (line,) = shapes(Level("target", 75), "line")
    assert line.get("y1") == line.get("y2") == "25.00%"


@pytest.mark.parametrize(("at", "anchor"), [(1, None), (9, "end")])
def test_the_name_of_a_mark_stays_in_the_plot(at, anchor):
    mark = Mark("<b>", at)
    (text,) = shapes(mark, "text")
    assert (text.text, text.get("text-anchor")) == ("<b>", anchor)
    assert not mark.legend()


def test_words_for_each_stretch():
    told = Told([0, 5, 10], ["first", "second"])
    assert [box.find("title").text for box in shapes(told, "rect")] == ["first", "second"]
    assert not told.legend()


@pytest.mark.parametrize(
    "layer",
    [Line("n", [1], [1]), Band("n", [1], [1], [1]), Stack([0, 1], [("n", [1], 1)]), Bars("n", [1], [1], 1),
     Window("n", 0, 1), Level("n", 1)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_what_has_a_name_is_in_the_legend(layer):
    assert [key.name for key in layer.legend()] == ["n"]
