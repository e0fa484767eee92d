"""Chat requests, and replies taken apart."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

ROUTE = "/v1/chat/completions"


def chat_body(*turns, stream=False, usage=False, **extras):
    """A request whose turns alternate between user and assistant; `extras` go into the object `steadyrag`."""
    roles = ("user", "assistant")
    body: dict[str, Any] = {
        "model": "steadyrag",
        "messages": [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)],
        "steadyrag": extras,
    }
    if stream:
        body["stream"] = True
    if usage:
        body["stream_options"] = {"include_usage": True}
    return body


@dataclass
class Stream:
    """A streamed reply: its events as JSON, and whether it said [DONE]."""

    events: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False

    @classmethod
    def parse(cls, body):
        stream = cls()
        for frame in body.decode().split("\n\n")[:-1]:
            data = frame.removeprefix("data: ")
            assert not stream.done, "nothing follows [DONE]"
            assert data != frame, frame
            if data == "[DONE]":
                stream.done = True
            else:
                stream.events.append(json.loads(data))
        return stream

    @property
    def text(self):
        return "".join(choice["delta"].get("content") or "" for choice in self._choices)

    @property
    def finished(self):
        """The events with a finish_reason."""
        return [event for event in self.events if any(each["finish_reason"] for each in event.get("choices", ()))]

    @property
    def _choices(self):
        return [choice for event in self.events for choice in event.get("choices", ())]


async def complete(http, body, **headers):
    """The JSON reply, which is a good one."""
    async with http.post(ROUTE, json=body, headers=headers) as response:
        reply = await response.json()
        assert response.status == 200, reply
        return reply


async def stream(http, body):
    """The streamed reply, which begins well."""
    async with http.post(ROUTE, json=body) as response:
        assert response.status == 200, await response.text()
        return Stream.parse(await response.read())


async def refusal(http, body):
    """Status and error object of a request that is refused; bytes are sent as they are."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(ROUTE, data=io.BytesIO(sent)) as response:
        return response.status, (await response.json())["error"]
