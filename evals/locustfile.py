"""Users who talk to the service in several turns, for Locust: `locust -f evals/locustfile.py --host http://127.0.0.1:8000`.

Locust's users wait for each answer before they ask again (a closed loop), so a service that stalls is asked less and
its stall hardly shows: `steadyrag eval sweep` tells what a service sustains. Here one sees how conversations behave.
`HttpUser` and not `FastHttpUser`, which reads 1,024 bytes at once and so tells the time to the first token too late.
Needs `pip install locust`, which the package does not.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

from locust import HttpUser, between, events, task

URL = "/v1/chat/completions"
TIMEOUT_S = 60.0
#: A question and what its asker goes on with; the later turns mean something only after the first.
CONVERSATIONS = (
    ("When does a circuit breaker open?", "And when does it close again?", "How is that told in the metrics?"),
    ("How does the router choose between the small and the large model?", "What does that cost?"),
    ("How do I ingest a folder of documents?", "Which formats can it read?", "What if one of them is broken?"),
    ("What happens when the vector database is slow?", "Does the answer say so?"),
    ("How are tenants kept apart?", "Does the cache know that?", "How do I make a key for one?"),
)


class Reader(HttpUser):  # type: ignore[misc]  # Locust is not there when types are checked
    """Asks, reads the streamed answer, thinks, and asks on in the same conversation."""

    wait_time = between(1, 5)

    @task  # type: ignore[untyped-decorator]
    def converse(self) -> None:
        """One conversation from its first question to its last, or to the first failure."""
        messages: list[dict[str, str]] = []
        for question in random.choice(CONVERSATIONS):  # noqa: S311 - not for secrets
            messages.append({"role": "user", "content": question})
            answer = self._ask(messages, turn=len(messages) // 2 + 1)
            if answer is None:
                return
            messages.append({"role": "assistant", "content": answer})
            self.wait()

    def _ask(self, messages: list[dict[str, str]], turn: int) -> str | None:
        """The answer to the last message, None for a failure; its first token is an entry of its own."""
        body = {"model": "steadyrag", "messages": messages, "stream": True}
        began = time.perf_counter()
        with self.client.post(
            URL, json=body, stream=True, name=f"turn {turn}", timeout=TIMEOUT_S, catch_response=True
        ) as response:
            if not response.ok:
                response.failure(f"status {response.status_code}")
                return None
            words: list[str] = []
            for content in contents(response.iter_lines()):
                if not words:
                    _first_token(turn, (time.perf_counter() - began) * 1e3)
                words.append(content)
            # of a stream Locust itself takes the time to the headers
            response.request_meta["response_time"] = (time.perf_counter() - began) * 1e3
            if words:
                return "".join(words)
            response.failure("an answer without content, or a stream that broke off")
        return None


def contents(lines: Iterable[bytes]) -> Iterator[str]:
    """The texts of a stream of chat completion chunks; ends where an error event stands."""
    for line in lines:
        data = line.removeprefix(b"data: ")
        if data in (line, b"[DONE]"):
            continue
        event: dict[str, Any] = json.loads(data)
        if "error" in event:
            return
        yield from filter(None, (choice["delta"].get("content") for choice in event["choices"]))


def _first_token(turn: int, after_ms: float) -> None:
    events.request.fire(
        request_type="TTFT", name=f"turn {turn}", response_time=after_ms, response_length=0, exception=None, context={}
    )
