import pytest

from rag.access.keys import Token
from tests.support.processes import Environment, serving


def made(command, *arguments):
    return command("keys", "create", *arguments, "--json").json


def test_a_key_is_made_listed_replaced_and_ended_in_the_folder(command):
    key = made(command, "--tenant", "red", "--role", "query", "--role", "ingest", "--name", "chat", "--valid-days", "2")
    assert (key["tenant"], key["roles"], key["name"], key["valid"]) == ("red", ["ingest", "query"], "chat", True)
    assert Token.parse(key["key"]).id == key["id"]
    renewed = command("keys", "rotate", key["id"], "--json").json
    command("keys", "revoke", renewed["id"])
    (old, new) = command("keys", "list", "--json").json["keys"]
    assert {old["id"], new["id"]} == {key["id"], renewed["id"]}
    assert not old["valid"]
    assert not new["valid"]
    assert key["key"] not in command("keys", "list").out


@pytest.mark.parametrize("arguments", [["revoke", "nobody"], ["rotate", "nobody"], ["create", "--tenant", "a b"]])
def test_what_there_is_not(command, arguments):
    result = command("keys", *arguments)
    assert result.status == 2
    assert "nobody" in result.error or "tenant" in result.error


@pytest.mark.slow
def test_beyond_the_loopback_with_a_key(command, scratch, model_folder, monkeypatch):
    key = made(command)
    environment = Environment(scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0)
    with serving(environment, "--host", "0.0.0.0") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        refused = command("ask", "How tall is it?", "--url", url)
        assert refused.status == 2
        assert "STEADYRAG_API_KEY" in refused.error
        monkeypatch.setenv("STEADYRAG_API_KEY", key["key"])
        assert command("ask", "How tall is it?", "--url", url, "--json").json["steadyrag"]["answered"] is False
