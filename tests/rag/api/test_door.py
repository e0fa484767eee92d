import pytest

from rag.api.door import Door
from rag.telemetry.metrics import Metrics


class Route:
    path = "/v1/documents/{document_id}"


async def app(scope, receive, send):
    scope["route"] = Route()
    await send({"type": "http.response.start", "status": 207, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


async def broken(scope, receive, send):
    raise RuntimeError


async def passed(door, **headers):
    """The messages that come out, for a request with these headers."""
    sent = []

    async def send(message):
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    request = {"type": "http", "method": "GET", "scheme": "http", "path": "/v1/documents/7", "headers": named}
    await door(request, None, send)
    return sent


async def test_at_the_end_an_answer_ends_its_connection(metrics):
    for ending in (False, True):
        start, _ = await passed(Door(app, metrics, lambda ending=ending: ending))
        assert ((b"connection", b"close") in start["headers"]) == ending


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def door(metrics):
    return Door(app, metrics)


@pytest.mark.parametrize("given", [b"a", b"Trace-1.2:3_4", b"x" * 128])
async def test_the_callers_request_id_is_taken_over(door, given):
    start, body = await passed(door, x_request_id=given)
    assert start["headers"] == [(b"a", b"b"), (b"x-request-id", given)]
    assert body["body"] == given


@pytest.mark.parametrize("given", [b"", b"x" * 129, b"a b", b"a\n", b"a\nb", b"<script>", "ä".encode()])
async def test_one_that_could_do_harm_is_replaced(door, given):
    start, body = await passed(door, x_request_id=given)
    name, made = start["headers"][-1]
    assert name == b"x-request-id"
    assert made.startswith(b"req_")
    assert made == body["body"] != given


async def test_made_ids_differ(door):
    first, second = [(await passed(door))[1]["body"] for _ in range(2)]
    assert first != second


async def test_requests_are_counted_by_the_routes_template(door, metrics):
    await passed(door)
    text = metrics.render().decode()
    assert 'steadyrag_requests_total{route="/v1/documents/{document_id}",status="207"} 1.0' in text
    assert 'steadyrag_request_seconds_count{route="/v1/documents/{document_id}"} 1.0' in text
    assert "steadyrag_requests_in_flight 0.0" in text


async def test_a_request_that_broke_counts_as_500_and_is_not_in_flight(metrics):
    with pytest.raises(RuntimeError):
        await passed(Door(broken, metrics))
    text = metrics.render().decode()
    assert 'steadyrag_requests_total{route="unmatched",status="500"} 1.0' in text
    assert "steadyrag_requests_in_flight 0.0" in text


async def test_a_request_is_in_flight_while_it_is_worked_on(metrics):
    seen = []

    async def looking(scope, receive, send):
        seen.append("steadyrag_requests_in_flight 1.0" in metrics.render().decode())

    await passed(Door(looking, metrics))
    assert seen == [True]


async def test_what_is_no_request_passes_untouched(metrics):
    seen = []

    async def lifespan(scope, receive, send):
        seen.append(scope)

    scope = {"type": "lifespan"}
    await Door(lifespan, metrics)(scope, None, None)
    assert seen == [{"type": "lifespan"}]
