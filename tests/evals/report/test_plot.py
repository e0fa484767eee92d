import xml.etree.ElementTree as ET

import pytest

from evals.report.axes import Axis
from evals.report.layers import Line, Window
from evals.report.plot import Plot, States, Stretch

TIME = Axis("time", 0, 100, "s")


def texts(figure, name):
    return ["".join(each.itertext()) for each in figure.iter(name)]


def plot():
    lines = [Window("fault", 40, 60), Line("p95 <ms>", [10, 90], [50, 200])]
    return ET.fromstring(
        Plot(title="Latency", description="It rose.", x=TIME, y=Axis("", 0, 200, "ms"), layers=lines).html()
    )


def test_a_plot_says_what_it_is_to_eyes_and_to_readers():
    figure = plot()
    assert texts(figure, "figcaption") == ["Latency ms"]
    assert texts(figure, "li") == ["fault", "p95 <ms>"]
    picture = next(svg for svg in figure.iter("svg") if svg.get("role") == "img")
    assert [picture.find("title").text, picture.find("desc").text] == ["Latency", "It rose."]


def test_ticks_stand_on_both_axes():
    told = texts(plot(), "text")
    assert {"0", "50", "100", "200", "time, s"} <= set(told)


def test_a_legend_of_one_is_left_out():
    axis = Axis("", 0, 1)
    figure = ET.fromstring(
        Plot(title="t", description="", x=axis, y=axis, layers=[Line("only", [0, 1], [0, 1])]).html()
    )
    assert not list(figure.iter("li"))


def test_states_are_bands_in_rows():
    rows = {
        "index:0": [Stretch(0, 40, "closed"), Stretch(40, 100, "open", "open since 40 s")],
        "index:1": [Stretch(0, 100, "closed")],
    }
    states = States(
        title="Breakers", description="", x=TIME, rows=rows, styles={"closed": "good", "open": "bad"}, behind=[]
    )
    bands = [rect for rect in ET.fromstring(states.html()).iter("rect") if rect.find("title") is not None]
    assert [band.find("title").text for band in bands] == ["index:0: closed", "open since 40 s", "index:1: closed"]
    assert [(band.get("x"), band.get("width")) for band in bands[:2]] == [("0.00%", "40.00%"), ("40.00%", "60.00%")]
    assert float(bands[0].get("height")) < float(bands[1].get("height")), "a state is seen without its colour"
    assert float(bands[2].get("y")) > float(bands[1].get("y"))


@pytest.mark.parametrize(("bare", "style"), [(True, "plot bare"), (False, "plot")])
def test_what_stands_beside_no_other_needs_no_room_for_ticks(bare, style):
    rows = {"embed": [Stretch(0, 40, "spent")]}
    states = States(title="t", description="", x=TIME, rows=rows, styles={"spent": "plain"}, bare=bare)
    assert ET.fromstring(states.html()).get("class") == style
