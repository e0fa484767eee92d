import inspect

import pytest

from chaos.errors import BadRequest
from chaos.toolkit.calls import activity, address, begun, call, ending


async def test_an_activity_is_a_plain_function_with_the_arguments_of_its_coroutine(do):
    @activity
    async def double(number: int, configuration: dict) -> int:
        """Told."""
        return 2 * number

    assert not inspect.iscoroutinefunction(double)
    assert inspect.isfunction(double)
    assert list(inspect.signature(double).parameters) == ["number", "configuration"]
    assert await do(double, 4, {}) == 8


async def test_a_reply_is_json_or_nothing(stub):
    assert (await call("GET", f"{stub.url}/v1/models"))["object"] == "list"
    assert await call("GET", f"{stub.url}/health") is None


async def test_a_refusal_and_silence_are_told_in_a_line(stub, proxy):
    with pytest.raises(BadRequest, match=r"GET .*/nothing: 404"):
        await call("GET", f"{stub.url}/nothing")
    assert await call("GET", f"{stub.url}/nothing", known=(404,)) is None
    with pytest.raises(BadRequest, match=r"GET http://127\.0\.0\.1:1/x: "):
        await call("GET", "http://127.0.0.1:1/x")


def test_an_address_that_is_missing_is_told():
    assert address({"url": "http://host/"}, "url", "/x") == "http://host/x"
    for configuration in ({}, {"control_url": ""}):
        with pytest.raises(BadRequest, match="no control_url"):
            address(configuration, "control_url", "/faults")


async def test_a_fault_is_noted_when_it_is_there_and_before_it_goes(configuration, traffic):
    await begun(configuration, "x", "much")
    await ending(configuration, "x")
    assert [(event.kind, event.name, event.detail) for event in traffic.events] == [
        ("fault-on", "x", "much"),
        ("fault-off", "x", ""),
    ]
