import inspect

import pytest

import rag.ports
import router.ports
from chaos.faults.seam import Faulty, is_call
from rag.compose import compose
from rag.settings import load_settings


class Part:
    """What an adapter may have."""

    name = "part"
    closed = False

    @property
    def position(self):
        return 7

    def count_tokens(self, texts):
        return len(texts)

    async def search(self, text, *, timeout_s):
        return text, timeout_s

    async def stream(self, text, *, timeout_s):
        try:
            for word in text.split():
                yield word
        finally:
            self.closed = True

    async def aclose(self):
        self.closed = True


@pytest.fixture
def met():
    return []


@pytest.fixture
def faulty(met):
    async def meet():
        met.append("met")

    return Faulty(Part(), meet)


async def test_a_call_meets_the_fault_and_then_does_its_work(faulty, met):
    assert await faulty.search("a", timeout_s=1.0) == ("a", 1.0)
    assert await faulty.search("b", timeout_s=1.0) == ("b", 1.0)
    assert met == ["met"] * 2


async def test_a_stream_meets_it_once(faulty, met):
    assert [word async for word in faulty.stream("a b c", timeout_s=1.0)] == ["a", "b", "c"]
    assert met == ["met"]


async def test_closing_the_stream_closes_the_one_behind_it(faulty):
    stream = faulty.stream("a b c", timeout_s=1.0)
    assert await anext(stream) == "a"
    await stream.aclose()
    assert faulty.closed


async def test_nothing_else_meets_it(faulty, met):
    assert (faulty.name, faulty.position, faulty.count_tokens(["a"])) == ("part", 7, 1)
    await faulty.aclose()
    assert faulty.closed
    assert not met


async def test_a_fault_before_a_call_is_no_half_done_work():
    async def fails():
        raise OSError("no")

    part = Part()
    faulty = Faulty(part, fails)
    with pytest.raises(OSError, match="no"):
        await faulty.search("a", timeout_s=1.0)
    with pytest.raises(OSError, match="no"):
        await anext(faulty.stream("a", timeout_s=1.0))
    assert not part.closed


async def test_wrappers_stack(met):
    async def meet():
        met.append("met")

    assert await Faulty(Faulty(Part(), meet), meet).search("a", timeout_s=1.0) == ("a", 1.0)
    assert met == ["met"] * 2


def port_calls():
    """Every method of a port that takes `timeout_s`, by name."""
    ports = [each for module in (rag.ports, router.ports) for each in vars(module).values() if _is_port(each)]
    methods = [each for port in ports for each in vars(port).values() if inspect.isfunction(each)]
    return {each.__name__ for each in methods if "timeout_s" in inspect.signature(each).parameters}


def _is_port(value):
    return inspect.isclass(value) and getattr(value, "_is_protocol", False)


async def test_every_call_of_every_adapter_at_a_seam_is_seen(scratch, model_folder):
    """Not one adapter hides a call of its port behind something that `is_call` does not know."""
    parts = {}

    def wrap(seam, adapter):
        parts[seam] = adapter
        return adapter

    settings = load_settings(
        data_dir=scratch / "data",
        cache_dir=model_folder.parent.parent,
        index={"shards": 1},
        limits={"min_free_bytes": 0},
        cache={"store": "sqlite:"},
    )
    service = await compose(settings, wrap=wrap)
    await service.aclose()
    calls = {(seam, name) for seam, part in parts.items() for name in port_calls() if hasattr(part, name)}
    assert {("index:0", "search"), ("index:0", "upsert"), ("model:small", "stream"), ("cache", "everything")} <= calls
    assert not [(seam, name) for seam, name in calls if not is_call(getattr(parts[seam], name))]
