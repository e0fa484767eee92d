import xml.etree.ElementTree as ET

from chaos.report import tables
from chaos.report.result import load


def cells(markup):
    return [["".join(cell.itertext()) for cell in row] for row in ET.fromstring(f"<div>{markup}</div>").iter("tr")]


def test_targets_and_whether_they_are_met(folders):
    result = load(folders["bad"])
    rows = {row[0]: row[1:] for row in cells(tables.targets(result.figures, result.config["targets"]))}
    assert rows["Degraded answers without label"] == ["0", "2", "missed"]
    assert rows["quality: fault: ndcg@10"] == ["at least 0.8", "0.885", "met"]


def test_phases_stand_side_by_side(folders):
    head, *rows = cells(tables.phases(load(folders["bad"]).figures))
    assert head == ["", "baseline", "fault", "recovery"]
    assert ["refused with Retry-After", "0", "9", "0"] in rows


def test_labels_and_errors_by_phase(folders):
    figures = load(folders["bad"]).figures
    (label,) = cells(tables.labels(figures))[1:]
    assert label[0] == "dense-unavailable"
    assert ["disconnect", "0", "3", "0"] in cells(tables.errors(figures))


def test_what_there_is_none_of_is_left_out(folders):
    figures = load(folders["swept"][0]).figures
    assert not tables.errors(figures)
    assert not tables.quality(figures)
    assert not tables.opening(figures)


def test_quality_phase_beside_phase(folders):
    assert cells(tables.quality(load(folders["good"]).figures))[1] == ["ndcg@10", "0.903", "0.885"]


def test_the_openings_in_a_sentence(folders):
    assert "index:3 after 1.2 s" in tables.opening(load(folders["good"]).figures)


def test_how_to_run_it_again(folders):
    text = "".join(ET.fromstring(f"<div>{tables.again(load(folders['good']))}</div>").itertext())
    assert "steadyrag chaos run vector-db-latency --seed 1" in text
    assert "blast radius: The connections of the API's replicas to Qdrant." in text
    assert "chaos run --rollback-strategy always vector-db-latency.yaml" in text
    assert "chaostoolkit 1.19.0" in text
    assert "0" * 40 in text
