import pytest
from pydantic import ValidationError

from chaos.proxy.toxics import TOXICS
from chaos.proxy.toxics.latency import Latency
from chaos.proxy.toxics.toxic import Chunk, Stage, Stream
from tests.support.wired import UP, Wire, in_virtual_time, injection

TOXIPROXY = {
    "latency": {"latency", "jitter"},
    "bandwidth": {"rate"},
    "slow_close": {"delay"},
    "timeout": {"timeout"},
    "reset_peer": {"timeout"},
    "slicer": {"average_size", "size_variation", "delay"},
    "limit_data": {"bytes"},
}


@pytest.mark.parametrize("kind", TOXIPROXY)
def test_toxiproxys_toxics_have_its_attributes_with_zero_for_default(kind):
    assert TOXICS[kind]().model_dump() == dict.fromkeys(TOXIPROXY[kind], 0)


def test_every_toxic_is_listed_by_its_kind():
    assert all(toxic.kind == kind for kind, toxic in TOXICS.items())


@pytest.mark.parametrize("value", [1.0, 1.5, "1", True, None, -1, 2**63])
def test_whole_numbers_are_whole_numbers(value):
    with pytest.raises(ValidationError):
        Latency.model_validate({"latency": value})


def test_names_that_are_not_known_are_ignored():
    assert Latency.model_validate({"latency": 1, "colour": "red"}) == Latency(latency=1)


def test_the_other_stream_is_opposite():
    assert [stream.opposite for stream in Stream] == [Stream.DOWNSTREAM, Stream.UPSTREAM]


@in_virtual_time
async def test_a_stage_passes_everything_on():
    wire = Wire(injection("slow_close"))
    stage = Stage(None, next(iter(wire.connection._attached)))
    stage.on_start()
    stage.on_data(Stream.DOWNSTREAM, Chunk(b"a", 0.0))
    stage.on_end(Stream.DOWNSTREAM, 0.0)
    assert wire.got() == b"a"
    assert wire.client.ended_s == 0
    assert stage.on_update()
    assert stage.on_remove()
    wire.sends(b"b", UP)
    assert wire.got(UP) == b"b"
