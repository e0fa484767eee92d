import pytest

from chaos.errors import BadRequest
from chaos.proxy.body import ProxyBody, ToxicBody, ToxicChange, decode, fill


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": 1}', {"a": 1}), (" null ", None), ("[] {}", []), ('{"a": 1} rest', {"a": 1}), ("1", 1)],
)
def test_the_first_value_counts(text, value):
    assert decode(text) == value


@pytest.mark.parametrize(
    "text", ["", "  \n", "{", "{'a': 1}", "nul", "NaN", '{"a": Infinity}', "\ufeff{}", "[" * 10**5]
)
def test_what_is_no_json_is_told(text):
    with pytest.raises(BadRequest, match=r"^bad request body: ") as refused:
        decode(text)
    assert refused.value.status == 400


def test_an_empty_body_is_an_end_of_file():
    with pytest.raises(BadRequest, match=r"^bad request body: EOF$"):
        decode("")


def test_defaults_hold_what_is_not_given():
    assert fill(ProxyBody, {"name": "a", "listen": None, "colour": "red"}) == ProxyBody(name="a")
    assert fill(ProxyBody, None, {"enabled": False}) == ProxyBody(enabled=False)


@pytest.mark.parametrize("value", [[], "text", 1, True])
def test_a_record_is_an_object(value):
    with pytest.raises(BadRequest, match="not a JSON object"):
        fill(ProxyBody, value)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (ProxyBody, "name", 1),
        (ProxyBody, "enabled", "true"),
        (ProxyBody, "enabled", 1),
        (ToxicBody, "toxicity", "1"),
        (ToxicBody, "toxicity", 1.5),
        (ToxicBody, "toxicity", -0.1),
        (ToxicBody, "attributes", []),
        (ToxicBody, "duration", 1.0),
        (ToxicBody, "duration", -1),
    ],
)
def test_a_field_of_another_type_is_told(kind, field, value):
    with pytest.raises(BadRequest, match=rf"^bad request body: {field}: "):
        fill(kind, {field: value})


def test_a_whole_toxicity_is_one():
    assert fill(ToxicBody, {"toxicity": 1}).toxicity == 1.0


def test_a_change_keeps_what_is_not_given():
    assert fill(ToxicChange, {"toxicity": 0.5}, {"toxicity": 1.0, "duration": 7}).duration == 7


@pytest.mark.parametrize(("body", "missing"), [({}, "name"), ({"name": "a"}, "upstream")])
def test_a_proxy_has_a_name_and_an_upstream(body, missing):
    with pytest.raises(BadRequest, match=f"^missing required field: {missing} at proxy 2$"):
        fill(ProxyBody, body).require(" at proxy 2")
    fill(ProxyBody, {"name": "a", "upstream": "b:1"}).require()
