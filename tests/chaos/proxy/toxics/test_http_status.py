import aiohttp
import openai
import pytest
from aiohttp import web
from pydantic import ValidationError

from chaos.proxy.toxics.http_status import HttpStatus, HttpStatusStage
from chaos.proxy.toxics.toxic import Stream
from evals.load.stub_model import StubModel
from tests.support.faulted import RecordedLine, faulted, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
POST = b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


class Echo:
    """A server that answers with what it was sent, and counts connections and requests."""

    def __init__(self):
        self.peers, self.paths = set(), []

    async def __call__(self, request):
        self.peers.add(request.transport.get_extra_info("peername"))
        self.paths.append(request.path)
        return web.Response(body=await request.read())


@pytest.fixture
async def echo():
    """The server, a session over one kept connection through the proxy, and the faults on the way."""
    handler = Echo()
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with faulted(runner.addresses[0][1]) as faults:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(faults.url, connector=connector) as session:
            yield handler, session, faults
    await runner.cleanup()


async def post(session, path="/a", body=b"x" * 100_000, **options):
    async with session.post(path, data=body, **options) as response:
        return response.status, response.headers, await response.read()


async def test_a_request_is_answered_and_the_connection_goes_on(echo):
    server, session, faults = echo
    assert (await post(session))[0] == 200
    await faults.add("http_status", status=429, retry_after=7, message="slow down")
    for _ in range(3):
        status, headers, body = await post(session)
        assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "7", "application/json")
        assert b'"message": "slow down"' in body
    await faults.remove("http_status")
    assert (await post(session))[2] == b"x" * 100_000
    assert server.paths == ["/a", "/a"]
    assert len(server.peers) == 1


async def test_requests_in_chunks_and_those_that_ask_first_are_swallowed_whole(echo):
    server, session, faults = echo

    async def parts():
        for _ in range(5):
            yield b"GET / HTTP/1.1\r\n\r\n" * 1000

    await faults.add("http_status", status=500)
    assert (await post(session, body=parts()))[0] == 500
    assert (await post(session, expect100=True))[0] == 500
    async with session.head("/a") as response:
        assert (response.status, await response.read()) == (500, b"")
    await faults.change("http_status", match="/elsewhere")
    assert (await post(session))[0] == 200
    assert (await post(session, path="/elsewhere"))[0] == 500
    assert server.paths == ["/a"]


async def test_a_share_is_hit(echo):
    server, session, faults = echo
    await faults.add("http_status", share=0.5)
    codes = [(await post(session, body=b""))[0] for _ in range(100)]
    assert 30 < codes.count(503) < 70
    assert len(server.paths) == codes.count(200)


async def codes_by(seed):
    async with (
        StubModel() as stub,
        faulted(stub.port, seed) as faults,
        aiohttp.ClientSession(faults.url, connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        await faults.add("http_status", share=0.5)
        return [(await post(session))[0] for _ in range(40)]


async def test_the_same_seed_hits_the_same_requests():
    assert await codes_by(1) == await codes_by(1)
    assert await codes_by(1) != await codes_by(2)


async def test_a_client_that_wants_no_further_request_is_closed(echo):
    _, session, faults = echo
    await faults.add("http_status")
    status, headers, _ = await post(session, headers={"Connection": "close"})
    assert (status, headers["Connection"]) == (503, "close")


async def test_the_openai_client_takes_it_for_the_server_s_answer(echo):
    _, _, faults = echo
    await faults.add("http_status", status=429, retry_after=1)
    async with openai.AsyncOpenAI(base_url=f"{faults.url}/v1", api_key="none", max_retries=0) as client:
        with pytest.raises(openai.RateLimitError, match="asked for") as caught:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "q"}])
    assert caught.value.response.headers["retry-after"] == "1"


def test_a_request_that_is_half_swallowed_is_answered_after_the_removal():
    stage = HttpStatusStage(HttpStatus(), RecordedLine())
    tell(stage, UP, POST[:-1])
    assert not stage.on_remove()
    tell(stage, UP, POST[-1:] + POST)
    assert stage.line.sent[UP] == POST
    assert stage.line.sent[DOWN].startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_a_status_without_a_name():
    stage = HttpStatusStage(HttpStatus(status=599), RecordedLine())
    tell(stage, UP, POST)
    assert stage.line.sent[DOWN].startswith(b"HTTP/1.1 599 Error\r\n")


@pytest.mark.parametrize("attributes", [{"status": 200}, {"share": 1.5}, {"retry_after": 1.5}, {"stauts": 500}])
def test_wrong_attributes_are_refused(attributes):
    with pytest.raises(ValidationError):
        HttpStatus(**attributes)
