import gzip
from pathlib import Path

import pytest

from evals.errors import CannotMeasure
from evals.load.traces import TraceRequest, read_trace

TRACES = Path(__file__).parents[4] / "shared/data/traces"


def test_reads_times_lengths_and_prefixes(tmp_path):
    path = tmp_path / "trace.jsonl.gz"
    lines = (
        '{"t": 1.5, "input_tokens": 3, "output_tokens": 4}\n\n'
        '{"t": 2, "input_tokens": 5, "output_tokens": 6, "hash_ids": [0, 1]}\n'
    )
    path.write_bytes(gzip.compress(lines.encode()))
    assert read_trace(path) == [TraceRequest(1.5, 3, 4), TraceRequest(2.0, 5, 6, (0, 1))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1]",
        '{"t": 1}',
        '{"t": "x", "input_tokens": 1, "output_tokens": 1}',
        '{"t": 2, "input_tokens": 1, "output_tokens": 1}\n{"t": 1, "input_tokens": 1, "output_tokens": 1}',
    ],
)
def test_refuses_what_is_no_trace(tmp_path, text):
    path = tmp_path / "trace.jsonl"
    path.write_text(text)
    with pytest.raises(CannotMeasure, match=r"trace\.jsonl"):
        read_trace(path)


@pytest.mark.skipif(not TRACES.is_dir(), reason="the public traces are not beside the checkout")
@pytest.mark.parametrize(("name", "requests"), [("azure_conv", 9739), ("mooncake_conv", 5606)])
def test_reads_the_public_traces(name, requests):
    trace = read_trace(TRACES / f"{name}.jsonl.gz")
    assert len(trace) == requests
    assert trace[0].t_s == 0.0
    assert bool(trace[0].hash_ids) == (name == "mooncake_conv")
