import pytest

from evals.errors import CannotMeasure
from evals.profile.flame import document, read_stacks, summary

STACKS = """
main (steadyrag:8);run (rag/pipeline/pipeline.py:70);search (rag/retrieval/lexical.py:10) 30
main (steadyrag:8);run (rag/pipeline/pipeline.py:71);search (rag/retrieval/lexical.py:12) 20
main (steadyrag:8);run (onnxruntime/session.py:1);run (onnxruntime/session.py:1) 40
main (steadyrag:8) 10
main (steadyrag:3);_find_and_load (<frozen importlib._bootstrap>:1176);<module> (rag/cli/__init__.py:1) 99
_bootstrap (threading.py:9);_worker (concurrent/futures/thread.py:81) 99
"""


def test_lines_of_a_function_are_one_frame():
    root = read_stacks(STACKS)
    (main,) = root.called.values()
    search = main.called["run (rag/pipeline/pipeline.py)"].called["search (rag/retrieval/lexical.py)"]
    assert (root.samples, main.samples, main.own, search.own) == (100, 100, 10, 50)


def test_functions_are_ranked_by_what_they_take_themselves():
    found = summary(read_stacks(STACKS))
    assert found["samples"] == 100
    assert [(each["function"].split(" ")[0], each["own"], each["with_called"]) for each in found["top"]] == [
        ("search", 0.5, 0.5),
        ("run", 0.4, 0.4),  # calls itself, counted once
        ("main", 0.1, 1.0),
    ]


def test_the_page_draws_each_frame_as_wide_as_its_share():
    shown = document(read_stacks(STACKS), "Steady & fast")
    assert "Steady &amp; fast" in shown
    assert '<svg x="0.00%" y="17" width="100.00%"' in shown  # main
    assert "search (rag/retrieval/lexical.py): 50.0%, itself 100% of that" in shown
    assert "tint s1" in shown.split("search (rag")[1]
    assert "<script" not in shown


@pytest.mark.parametrize("text", ["", "\n"])
def test_nothing_sampled_is_said(text):
    with pytest.raises(CannotMeasure, match="no samples"):
        read_stacks(text)
