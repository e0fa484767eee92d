import json

import pytest

from evals.errors import CannotMeasure
from evals.load.plan import Arrivals, LatencyOptions, plan


def options(**fields):
    return LatencyOptions("http://127.0.0.1:1", **fields)


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.jsonl"
    lines = [{"t": 10.0 + t, "input_tokens": 1, "output_tokens": 5 + t} for t in (0, 2, 4)]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.mark.parametrize("shape", Arrivals)
def test_the_seed_decides_times_and_questions(shape):
    wanted = {"rate_rps": 50.0, "duration_s": 10.0, "arrivals": shape, "zipf_s": 0.8}
    first = plan(options(**wanted, seed=1))
    assert plan(options(**wanted, seed=1)) == first
    assert plan(options(**wanted, seed=2)) != first
    assert first.window_s == 10.0
    assert [shot.request_id for shot in first.shots[:2]] == ["load-1-0", "load-1-1"]


@pytest.mark.parametrize(("shape", "expected"), [("constant", 1000), ("poisson", 1000), ("step", 550), ("ramp", 550)])
def test_step_and_ramp_begin_at_a_tenth(shape, expected):
    shots = plan(options(rate_rps=100.0, duration_s=10.0, arrivals=Arrivals(shape))).shots
    assert len(shots) == pytest.approx(expected, abs=4 * expected**0.5)


def test_a_trace_gives_times_and_lengths(trace):
    planned = plan(options(trace=trace, speed=2.0))
    assert [(shot.at_s, shot.max_tokens) for shot in planned.shots] == [(0.0, 5), (1.0, 7), (2.0, 9)]
    assert planned.window_s == 2.0


def test_a_trace_is_cut_at_the_duration(trace):
    planned = plan(options(trace=trace, duration_s=3.0, max_tokens=1))
    assert [(shot.at_s, shot.max_tokens) for shot in planned.shots] == [(0.0, 1), (2.0, 1)]
    assert planned.window_s == 3.0


def test_questions_come_from_the_file(tmp_path):
    path = tmp_path / "q.txt"
    path.write_text("only this?\n")
    assert {shot.question for shot in plan(options(rate_rps=9.0, duration_s=1.0, questions=path)).shots} == {
        "only this?"
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rate_rps": 1.0},
        {"duration_s": 1.0},
        {"rate_rps": 0.0, "duration_s": 1.0},
        {"rate_rps": 1.0, "duration_s": -1.0},
    ],
)
def test_a_rate_needs_a_duration(fields):
    with pytest.raises(CannotMeasure):
        plan(options(**fields))


@pytest.mark.parametrize("fields", [{"rate_rps": 0.0}, {"duration_s": 0.0}, {"speed": 0.0}])
def test_a_trace_needs_a_positive_pace(trace, fields):
    with pytest.raises(CannotMeasure):
        plan(options(trace=trace, **fields))


@pytest.mark.parametrize(("duration_s", "sent", "window_s"), [(1.0, [0.0, 0.5], 1.0), (9.0, [0.0, 0.5, 1.0], 1.0)])
def test_a_trace_is_brought_to_a_rate(trace, duration_s, sent, window_s):
    planned = plan(options(trace=trace, rate_rps=2.0, duration_s=duration_s))
    assert ([shot.at_s for shot in planned.shots], planned.window_s) == (sent, window_s)


def test_a_trace_with_hashes_says_which_questions_repeat(tmp_path):
    path, corpus = tmp_path / "trace.jsonl", tmp_path / "corpus.jsonl"
    blocks = [(0, 1), (0, 2), (0, 1)]
    lines = [{"t": t, "input_tokens": 1, "output_tokens": 1, "hash_ids": ids} for t, ids in enumerate(blocks)]
    path.write_text("\n".join(map(json.dumps, lines)))
    texts = ["The first passage has one sentence.", "The second passage has another sentence."]
    corpus.write_text("\n".join(json.dumps({"_id": text, "text": text}) for text in texts))
    first, second, third = (shot.question for shot in plan(options(trace=path, corpus=corpus)).shots)
    assert first == third != second
    assert "passage has" in first
    with pytest.raises(CannotMeasure, match="not both"):
        plan(options(trace=path, corpus=corpus, questions=corpus))


def test_the_configuration_is_plain(trace):
    config = options(trace=trace, extra={"a": 1}).as_config()
    assert json.loads(json.dumps(config)) == config
    assert config["trace"] == str(trace)
