import shutil
import xml.etree.ElementTree as ET

import orjson
import pytest

from chaos.report.result import load
from chaos.report.timelines import timelines


def drawn(folder):
    return ET.fromstring(f"<div>{timelines(load(folder))}</div>")


def captions(element):
    return ["".join(each.itertext()) for each in element.iter("figcaption")]


def test_every_plot_of_the_fault_shades_its_window(folders):
    figures = list(drawn(folders["bad"]).iter("figure"))
    assert len(figures) == 5
    for figure in figures:
        (window,) = [
            box for box in figure.iter("rect") if box.get("class") in {"window", "outline"} and box.get("x") != "0.5"
        ]
        assert (window.get("x"), window.get("width")) == ("33.33%", "33.33%")


def test_where_nothing_happened_words_say_so(folders):
    element = drawn(folders["good"])
    assert "Errors and refusals" not in captions(element)
    assert "None: every request was answered." in "".join(element.itertext())


def test_plots_tell_their_values_where_the_pointer_rests(folders):
    told = [title.text for title in drawn(folders["bad"]).iter("title")]
    assert any(words.startswith("15 to 16 s: p50 5") for words in told)
    assert any(words.startswith("index:0: open from 15.9 to") for words in told)


def test_a_quiet_run_has_neither_rungs_nor_breakers(folders, tmp_path):
    folder = shutil.copytree(folders["swept"][0], tmp_path / "copy")
    run = orjson.loads((folder / "run.json").read_bytes())
    assert run["config"]["fault"]["value"] == 50
    text = "".join(drawn(folder).itertext())
    assert "Breakers: None changed its state." in text


@pytest.mark.parametrize("down", ["stopped", {"state": "killed"}, "SIGKILL sent"])
def test_a_process_is_down_from_its_stop_to_its_start(folders, tmp_path, down):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    events = orjson.loads((folder / "events.json").read_bytes())
    events += [
        {"at_s": 15.0, "kind": "process", "name": "redis", "detail": down},
        {"at_s": 30.0, "kind": "process", "name": "redis", "detail": "running"},
    ]
    (folder / "events.json").write_bytes(orjson.dumps(events))
    figure = list(drawn(folder).iter("figure"))[-1]
    bands = [
        band
        for band in figure.iter("rect")
        if (band.get("class") or "").startswith("state ") and band.get("x") != "0.5"
    ]
    assert [(band.get("class"), band.get("width")) for band in bands] == [
        ("state good", "33.33%"),
        ("state bad", "33.33%"),
        ("state good", "33.33%"),
    ]


def test_a_run_without_answers_is_drawn_too(folders, tmp_path):
    from evals.load.records import Record
    from evals.runs import load_run, save_run

    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    run, rows = load_run(folder)
    dead = [Record(row["request_id"], row["intended_s"], 0.0, 1.0, error="unreachable").row() for row in rows]
    save_run(folder, run, dead)
    assert "not measured" in "".join(drawn(folder).itertext())
