"""A model's server that says one word, then waits for the test to let it go on: no timing decides what a test sees."""

import asyncio
import contextlib
import json

from aiohttp import web

WORDS = ("The ", "tower ", "is ", "330 ", "metres ", "tall ", "[1].")


class GatedModel:
    """`async with GatedModel() as model`: an OpenAI-compatible server at `model.url`.

    Attributes:
        started: set when the first word was sent.
        release: set it to have the rest sent.
        gone: set when the caller closed the connection before the end.
        bodies: the requests.
    """

    def __init__(self):
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.gone = asyncio.Event()
        self.bodies = []
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self):
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/v1#gated"

    async def __aenter__(self):
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _chat(self, request):
        self.bodies.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with self._told_when_the_caller_leaves():
            await response.write(_event({"content": WORDS[0]}))
            self.started.set()
            await self.release.wait()
            for word in WORDS[1:]:
                await response.write(_event({"content": word}))
            await response.write(_event({}, "stop"))
            usage = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 64}}
            await response.write(_frame({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        return response

    @contextlib.contextmanager
    def _told_when_the_caller_leaves(self):
        try:
            yield
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise


def _event(delta, finish_reason=None):
    return _frame({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def _frame(content):
    return f"data: {json.dumps(content)}\n\n".encode()
