import re
import xml.etree.ElementTree as ET

import pytest

from chaos.errors import CannotRun
from chaos.report.page import write


def written(folders, tmp_path):
    write(folders, tmp_path / "deep" / "report.html")
    return ET.fromstring((tmp_path / "deep" / "report.html").read_text("utf-8").removeprefix("<!DOCTYPE html>\n"))


def texts(element, path):
    return ["".join(each.itertext()) for each in element.findall(path)]


def test_one_experiment(folders, tmp_path):
    made = written([folders["good"]], tmp_path)
    assert texts(made, ".//h1") == ["Chaos: vector-db-latency"]
    assert texts(made, ".//h2") == ["vector-db-latency ✓ pass"]
    assert "A vector database that answers late costs a label, not an answer" in texts(made, ".//p")


def test_several_have_an_overview_whose_links_lead_to_them(folders, tmp_path):
    made = written([folders["good"], folders["bad"]], tmp_path)
    links = [link.get("href").removeprefix("#") for link in made.iter("a")]
    assert links == ["vector-db-latency", "spike-10x<"]
    assert set(links) <= {section.get("id") for section in made.iter("section")}
    assert texts(made, ".//h2")[1] == "spike-10x< ✗ fail"
    assert any("unlabelled_degraded is 2, above 0" in item for item in texts(made, ".//li"))


def test_several_runs_are_one_experiment_of_medians(folders, tmp_path):
    made = written([folders["good"], folders["again"]], tmp_path)
    assert len(texts(made, ".//h2")) == 1
    assert any("Medians of 2 runs" in words for words in texts(made, ".//p"))
    assert texts(made, ".//summary") == ["seed 7 ✓ pass"]


def test_a_sweep_is_told_as_one(folders, tmp_path):
    made = written(folders["swept"], tmp_path)
    assert texts(made, ".//h2") == ["vector-db-latency: sweep of latency_ms"]
    assert texts(made, ".//summary") == [
        "latency_ms = 50, seed 3 ✓ pass",
        "latency_ms = 2,000, seed 3 ✓ pass",
        "latency_ms = 5,000, seed 3 ✗ fail",
    ]


def test_the_page_needs_nothing_from_elsewhere(folders, tmp_path):
    write([folders["good"]], tmp_path / "report.html")
    assert not re.search(r"<script|<link|src=|url\(|https?:", (tmp_path / "report.html").read_text("utf-8"))


def test_nothing_to_report(tmp_path):
    with pytest.raises(CannotRun, match="no result"):
        write([], tmp_path / "report.html")


def test_a_page_that_cannot_be_written(folders, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRun, match="cannot write"):
        write([folders["good"]], tmp_path / "file" / "report.html")
