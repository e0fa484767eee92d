import pytest
from aiohttp import web

from rag.cli.client import connected
from rag.errors import ConfigError, InvalidRequest, NotFound, Overloaded, Unavailable

PROBLEM = {"detail": "it said no"}
OPENAI = {"error": {"message": "it said no"}}
FULL = {"detail": "it said no", "code": Overloaded.code}


@pytest.fixture
async def url():
    """A server that answers with the status and body that the path names."""

    async def answer(request):
        status, kind = int(request.match_info["status"]), request.match_info["kind"]
        bodies = {
            "problem": PROBLEM,
            "openai": OPENAI,
            "full": FULL,
            "empty": None,
            "list": [],
            "good": {"a": 1},
            "bare": {},
        }
        if kind == "text":
            return web.Response(text="<html>", status=status)
        if kind == "echo":
            return web.json_response(await request.json())
        return web.json_response(bodies[kind], status=status)

    app = web.Application()
    app.router.add_route("*", "/{status:[0-9]+}/{kind}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def called(url, path, body=None):
    async with connected(url) as service:
        return await service.call("POST", path, body)


async def test_a_good_answer(url):
    assert await called(url, "/200/good") == {"a": 1}


async def test_the_body_is_sent(url):
    assert await called(url, "/200/echo", {"b": ["ü"]}) == {"b": ["ü"]}


@pytest.mark.parametrize("kind", ["problem", "openai"])
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidRequest), (413, InvalidRequest), (404, NotFound), (429, Unavailable), (500, Unavailable)],
)
async def test_an_error_is_the_same_error_here(url, kind, status, error):
    with pytest.raises(error, match="it said no"):
        await called(url, f"/{status}/{kind}")


async def test_a_full_queue_is_told_from_a_failure(url):
    with pytest.raises(Overloaded, match="it said no"):
        await called(url, "/503/full")


async def test_an_error_without_words_is_named_by_its_status(url):
    with pytest.raises(Unavailable, match="503"):
        await called(url, "/503/bare")


@pytest.mark.parametrize("kind", ["text", "list", "empty"])
async def test_another_server_is_told_from_a_service(url, kind):
    with pytest.raises(ConfigError):
        await called(url, f"/200/{kind}")


async def test_nobody_answers():
    with pytest.raises(ConfigError, match="is it running"):
        await called("http://127.0.0.1:9", "/ready")
