import xml.etree.ElementTree as ET

from evals.report.axes import Axis
from evals.report.forest import Estimate, Forest
from evals.report.layers import Mark


def test_rows_have_a_dot_in_their_interval_and_words():
    rows = [Estimate("one <b>", 0.5, [0.25, 0.75]), Estimate("", 1.0, None, 2, "one, again")]
    figure = ET.fromstring(
        Forest(title="t", x=Axis("", 0, 1), rows=rows, groups=[("a", 1), ("b", 2)], behind=[Mark("m", 0.5)]).html()
    )
    assert [dot.get("cx") for dot in figure.iter("circle") if dot.find("title") is not None] == ["50.00%", "100.00%"]
    assert [(e.get("x1"), e.get("x2")) for e in figure.iter("line") if "line" in e.get("class").split()] == [
        ("25.00%", "75.00%"),
        ("100.00%", "100.00%"),
    ]
    assert figure.find(".//desc").text == "one <b>: 0.5 (0.25 to 0.75); one, again: 1"
    picture = next(svg for svg in figure.iter("svg") if svg.get("role") == "img")
    assert picture.get("height") == "48"
