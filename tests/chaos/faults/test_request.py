import pytest

from chaos.errors import BadRequest
from chaos.faults.error import Failure
from chaos.faults.latency import Latency
from chaos.faults.request import parse
from chaos.faults.stall import Stall


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"seam": "index:0", "kind": "latency", "delay_s": 2}', Latency(seam="index:0", delay_s=2.0)),
        (
            b'{"seam": "store", "kind": "error", "share": 0.5, "error": "timeout", "duration_s": 9}',
            Failure(seam="store", share=0.5, error="timeout", duration_s=9.0),
        ),
        (b'{"seam": "model:*", "kind": "stall"}', Stall(seam="model:*")),
    ],
)
def test_a_fault_is_read(body, fault):
    assert parse(body) == fault


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "Input should be an object"),
        (b'{"seam": "store"}', "'kind'"),
        (b'{"seam": "store", "kind": "fire"}', "'latency', 'error', 'stall'"),
        (b'{"seam": "store", "kind": "latency"}', "delay_s: Field required"),
        (b'{"seam": "store", "kind": "latency", "delay_s": "2"}', "delay_s: Input should be a valid number"),
        (b'{"seam": "store", "kind": "stall", "delay_s": 2}', "delay_s: Extra inputs are not permitted"),
        (b'{"seam": "store", "kind": "stall", "share": 0}', "share: Input should be greater than 0"),
        (b'{"seam": "", "kind": "stall"}', "seam: String should have at least 1 character"),
        (b'{"seam": "store", "kind": "error", "error": "tired"}', "error: Input should be 'failed'"),
    ],
)
def test_what_is_none_is_refused_in_one_line(body, told):
    with pytest.raises(BadRequest, match=told) as refused:
        parse(body)
    assert "\n" not in str(refused.value)
