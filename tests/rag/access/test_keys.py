import re

import pytest

from rag.access.keys import GRANTED, Token, mint
from rag.errors import InvalidRequest
from rag.types import Role


def made(**fields):
    return mint(**{"tenant": "red", "roles": [Role.QUERY], "name": "chat", "now": 1_000.0} | fields)


def test_a_key_keeps_nothing_of_its_secret_but_a_digest():
    key, token = made()
    assert token.secret not in repr(key)
    assert (key.id, key.tenant, key.roles, key.name, key.created) == (token.id, "red", {Role.QUERY}, "chat", 1_000.0)
    assert len({str(made()[1]) for _ in range(100)}) == 100


def test_a_token_is_read_as_it_was_written():
    _, token = made()
    assert Token.parse(str(token)) == token
    assert re.fullmatch(r"sr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", str(token))


@pytest.mark.parametrize("written", ["", "sr_", "s3cret", "sr_0123456789abcdef_short", " " + "x" * 100, "sr_é"])
def test_what_is_no_token(written):
    assert Token.parse(written) is None


def test_a_token_opens_its_own_key_only():
    key, token = made()
    other, _ = made()
    assert token.opens(key)
    assert not token.opens(other)
    assert not token.opens(None)
    assert not token._replace(secret="A" * 43).opens(key)


def test_a_key_ends_when_it_was_to_and_no_later():
    key, _ = made(expires=2_000.0)
    assert [key.valid(now) for now in (1_999.0, 2_000.0)] == [True, False]
    assert key.until(1_500.0).expires == 1_500.0
    assert key.until(9_000.0).expires == 2_000.0
    assert made()[0].until(1_500.0).expires == 1_500.0


def test_a_key_comes_as_its_tenant():
    key, _ = made(roles=GRANTED)
    assert (key.principal.id, key.principal.tenant, key.principal.roles) == (key.id, "red", set(GRANTED))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tenant": ""}, "tenant"),
        ({"tenant": "a/b"}, "tenant"),
        ({"tenant": "x" * 65}, "tenant"),
        ({"roles": []}, "roles"),
        ({"roles": [Role.OPERATOR]}, "roles"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_a_key_cannot_be(fields, param):
    with pytest.raises(InvalidRequest) as raised:
        made(**fields)
    assert raised.value.param == param
