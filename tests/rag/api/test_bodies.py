import pytest
from pydantic import BaseModel
from starlette.requests import Request

from rag.api.bodies import component_schemas, parse_fields, parse_json, read_bytes, read_json, schema_of
from rag.errors import InvalidRequest, PayloadTooLarge

LIMIT = 10


class Point(BaseModel, extra="forbid"):
    x: int


class Line(BaseModel, extra="forbid"):
    ends: list[Point]


def request_of(*parts, **headers):
    """A request whose body comes in `parts`; reading past the last one fails."""
    messages = iter(parts)

    async def receive():
        part = next(messages)
        return {"type": "http.request", "body": part, "more_body": part is not parts[-1]}

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named}, receive), messages


@pytest.mark.parametrize("parts", [[b""], [b"0123456789"], [b"01234", b"56789"], [b"0123", b"", b"4"]])
async def test_a_body_within_the_limit_is_read_whole(parts):
    request, _ = request_of(*parts)
    assert await read_bytes(request, LIMIT) == b"".join(parts)


async def test_a_body_that_says_it_is_too_large_is_not_read():
    request, left = request_of(b"0123456789", b"0", content_length="11")
    with pytest.raises(PayloadTooLarge):
        await read_bytes(request, LIMIT)
    assert len(list(left)) == 2


async def test_the_rest_of_a_body_that_grows_too_large_is_not_read():
    request, left = request_of(b"01234", b"56789", b"0", b"never", content_length="no number")
    with pytest.raises(PayloadTooLarge):
        await read_bytes(request, LIMIT)
    assert list(left) == [b"never"]


async def test_json_becomes_a_model():
    request, _ = request_of(b'{"x": 1}')
    assert await read_json(request, Point, LIMIT) == Point(x=1)


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (b"{", None, "Invalid JSON"),
        (b"\xff", None, "Invalid JSON"),
        (b"[" * 100_000, None, "Invalid JSON"),
        (b"7", None, "Input should be an object"),
        (b"{}", "ends", "ends: Field required"),
        (b'{"ends": [{"x": 1}, {"x": "secret"}]}', "ends.1.x", "ends.1.x: Input should be a valid integer"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place_and_without_its_value(body, param, message):
    with pytest.raises(InvalidRequest) as told:
        parse_json(body, Line)
    assert told.value.param == param
    assert told.value.message.startswith(message)
    assert "secret" not in told.value.message


@pytest.mark.parametrize(
    ("body", "param", "hint"),
    [
        (b'{"ends": [], "end": 1}', "end", "did you mean ends?"),
        (b'{"ends": [{"x": 1, "X": "secret"}]}', "ends.0.X", "known are x"),
        (b'{"ends": [], "a.ends": 1}', "a.ends", "did you mean ends?"),
    ],
)
def test_an_unknown_field_is_named_with_what_was_meant(body, param, hint):
    with pytest.raises(InvalidRequest) as told:
        parse_json(body, Line)
    assert (told.value.param, told.value.message) == (param, f"{param}: there is no such field; {hint}")


def test_fields_of_a_form_fit_as_json_does():
    assert parse_fields({"ends": [{"x": 1}]}, Line) == Line(ends=[Point(x=1)])
    with pytest.raises(InvalidRequest) as told:
        parse_fields({"ends": [{"x": "secret"}]}, Line)
    assert told.value.param == "ends.0.x"


def test_schemas_refer_to_components():
    body = schema_of(Line)["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert body["required"] is True
    assert schema["properties"]["ends"]["items"] == {"$ref": "#/components/schemas/Point"}
    assert "$defs" not in schema
    assert set(component_schemas(Line)) == {"Point"}
    assert component_schemas(Point) == {}
