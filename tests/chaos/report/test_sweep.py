import xml.etree.ElementTree as ET

from chaos.report import sweep
from chaos.report.result import load


def test_runs_of_several_strengths_are_a_sweep(folders):
    assert sweep.varied([load(folder) for folder in folders["swept"]]) == "latency_ms"
    assert sweep.varied([load(folders["good"]), load(folders["again"])]) is None


def test_the_breaking_point_is_said_drawn_and_in_the_table(folders):
    made = ET.fromstring(f"<div>{sweep.section([load(each) for each in folders['swept']], 'latency_ms')}</div>")
    text = "".join(made.itertext())
    assert "Breaking point: every target holds up to latency_ms = 2,000, not at 5,000." in text
    assert [line.get("x1") for line in made.iter("line") if line.get("class") == "mark"] == ["100.00%"] * 3
    assert [row.find("th").text for row in made.find(".//tbody").iter("tr")] == ["50", "2,000", "5,000"]


def test_without_a_break_the_strongest_is_named(folders):
    assert "Nothing broke" in sweep.section([load(each) for each in folders["swept"][:2]], "latency_ms")


def test_broken_from_the_start(folders):
    assert "from the weakest fault on" in sweep.section([load(folders["swept"][2])], "latency_ms")


def test_strengths_that_miss_are_seen_among_those_that_hold(folders):
    made = ET.fromstring(f"<div>{sweep.section([load(each) for each in folders['swept']], 'latency_ms')}</div>")
    dots = [dot.get("class") for dot in made.find(".//figure").iter("circle") if dot.find("title") is not None]
    assert dots == ["dot s1", "dot s1", "dot s2"]
    assert {"targets held", "targets missed"} <= {"".join(item.itertext()) for item in made.iter("li")}


def test_the_axis_of_a_share_begins_near_its_losses(folders):
    made = ET.fromstring(f"<div>{sweep.section([load(each) for each in folders['swept']], 'latency_ms')}</div>")
    availability = list(made.iter("figure"))[1]
    ticks = [text.text for text in availability.iter("text") if (text.text or "").endswith("%")]
    assert ticks[0] == "90%"
