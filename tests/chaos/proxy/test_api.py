import json

import aiohttp
import pytest

from chaos.proxy.api import VERSION

PROXY = {"name": "test", "listen": "127.0.0.1:0"}


@pytest.fixture
async def http(server):
    """A client of the API's."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


@pytest.fixture
async def ask(http):
    """Status, content type and body of a request's reply."""

    async def ask(method, path, body=None, **options):
        kind = "data" if isinstance(body, str | None) else "json"
        async with http.request(method, path, **{kind: body}, **options) as response:
            text = await response.text()
            return response.status, response.headers.get("Content-Type"), text

    return ask


@pytest.fixture
async def proxy(ask, echo):
    """A proxy named `test`, and its latency."""
    assert (await ask("POST", "/proxies", {**PROXY, "upstream": echo.address}))[0] == 201
    assert (await ask("POST", "/proxies/test/toxics", {"type": "latency"}))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/version", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/proxies", None, 200),
        ("GET", "/proxies/test", None, 200),
        ("GET", "/proxies/none", None, 404),
        ("POST", "/proxies", {"name": "other", "upstream": "127.0.0.1:9"}, 201),
        ("POST", "/proxies", {**PROXY, "upstream": "127.0.0.1:9"}, 409),
        ("POST", "/proxies", {**PROXY, "upstream": "127.0.0.1:9", "enabled": "yes"}, 400),
        ("POST", "/proxies", "", 400),
        ("POST", "/proxies", "null", 400),
        ("POST", "/proxies", "[]", 400),
        ("POST", "/populate", [], 201),
        ("POST", "/populate", "", 400),
        ("POST", "/populate", {}, 400),
        ("POST", "/reset", None, 204),
        ("POST", "/proxies/test", {"enabled": False}, 200),
        ("PATCH", "/proxies/test", {"enabled": False}, 200),
        ("PATCH", "/proxies/test", "null", 200),
        ("PATCH", "/proxies/test", "", 400),
        ("PATCH", "/proxies/test", {"listen": 5}, 400),
        ("PATCH", "/proxies/test", {"upstream": "nowhere"}, 400),
        ("PATCH", "/proxies/none", "", 404),
        ("DELETE", "/proxies/test", None, 204),
        ("DELETE", "/proxies/none", None, 404),
        ("GET", "/proxies/test/toxics", None, 200),
        ("GET", "/proxies/none/toxics", None, 404),
        ("POST", "/proxies/test/toxics", {"type": "bandwidth"}, 200),
        ("POST", "/proxies/test/toxics", {"type": "latency"}, 409),
        ("POST", "/proxies/test/toxics", {"type": "latency", "name": "b", "attributes": {"latency": 1.0}}, 400),
        ("POST", "/proxies/test/toxics", {"type": "unknown"}, 400),
        ("POST", "/proxies/test/toxics", {"type": "latency", "stream": "both"}, 400),
        ("POST", "/proxies/test/toxics", "null", 400),
        ("POST", "/proxies/test/toxics", "", 400),
        ("POST", "/proxies/none/toxics", "", 404),
        ("GET", "/proxies/test/toxics/latency_downstream", None, 200),
        ("GET", "/proxies/test/toxics/none", None, 404),
        ("POST", "/proxies/test/toxics/latency_downstream", {"attributes": {"latency": 1}}, 200),
        ("PATCH", "/proxies/test/toxics/latency_downstream", {"attributes": {"latency": 1}}, 200),
        ("PATCH", "/proxies/test/toxics/latency_downstream", "null", 200),
        ("PATCH", "/proxies/test/toxics/latency_downstream", "", 400),
        ("PATCH", "/proxies/test/toxics/latency_downstream", {"toxicity": "1"}, 400),
        ("PATCH", "/proxies/test/toxics/none", "", 404),
        ("DELETE", "/proxies/test/toxics/latency_downstream", None, 204),
        ("DELETE", "/proxies/test/toxics/none", None, 404),
        ("PUT", "/proxies/test", {}, 405),
        ("GET", "/reset", None, 405),
        ("GET", "/populate", None, 405),
        ("HEAD", "/version", None, 405),
        ("POST", "/version", None, 405),
        ("GET", "/", None, 404),
        ("GET", "/proxies/", None, 404),
    ],
)
async def test_it_answers_the_status_that_toxiproxy_does(ask, proxy, method, path, body, status):
    answered, kind, text = await ask(method, path, body)
    assert answered == status, text
    if status == 204:
        assert text == ""
    elif status < 300 and path != "/metrics":
        assert kind.startswith("application/json")


async def test_an_error_is_json_as_plain_text(ask):
    assert await ask("GET", "/proxies/none") == (
        404,
        "text/plain; charset=utf-8",
        '{"error":"proxy not found","status":404}\n',
    )


async def test_an_error_of_populate_is_json_with_what_was_done(ask, echo):
    bodies = [{**PROXY, "upstream": echo.address}, {"name": "b", "upstream": "a:1", "listen": "192.0.2.1:1"}]
    status, kind, text = await ask("POST", "/populate", bodies)
    assert (status, kind) == (400, "application/json")
    answered = json.loads(text)
    assert (answered["status"], [each["name"] for each in answered["proxies"]]) == (400, ["test"])


async def test_an_index_is_by_name_and_a_list_of_toxics_is_a_list(ask, proxy):
    index = json.loads((await ask("GET", "/proxies"))[2])
    toxics = json.loads((await ask("GET", "/proxies/test/toxics"))[2])
    assert index["test"]["toxics"] == toxics
    assert [each["name"] for each in toxics] == ["latency_downstream"]


async def test_a_browser_is_refused(ask, proxy):
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    for method, path in (("GET", "/proxies"), ("POST", "/reset"), ("DELETE", "/proxies/test")):
        assert await ask(method, path, headers=browser) == (
            403,
            "text/plain; charset=utf-8",
            "User agent not allowed\n",
        )
    assert (await ask("GET", "/proxies/test", headers={"User-Agent": "like Mozilla/5.0"}))[0] == 200


async def test_the_version_is_toxiproxys_with_ours(ask):
    version = json.loads((await ask("GET", "/version"))[2])["version"]
    assert version == VERSION
    assert version.startswith("2.12.0+steadyrag.")


async def test_metrics_count_what_passed(ask, proxy, exchange):
    shown = json.loads((await ask("GET", "/proxies/test"))[2])
    await exchange(shown["listen"], b"12345")
    lines = (await ask("GET", "/metrics"))[2].splitlines()
    counted = {line.rpartition(" ")[2] for line in lines if line.startswith("toxiproxy_proxy_sent_bytes_total{")}
    assert counted == {"5.0"}


async def test_a_name_may_need_quoting(ask, echo):
    assert (await ask("POST", "/proxies", {**PROXY, "name": "a b/c", "upstream": echo.address}))[0] == 201
    assert (await ask("GET", "/proxies/a%20b%2Fc"))[0] == 200


async def test_a_body_is_utf8_whatever_it_is_called(ask, echo):
    body = json.dumps({**PROXY, "name": "größe", "upstream": echo.address}, ensure_ascii=False)
    headers = {"Content-Type": "text/plain; charset=latin-1"}
    assert (await ask("POST", "/proxies", body, headers=headers))[0] == 201
    assert "größe" in json.loads((await ask("GET", "/proxies"))[2])
