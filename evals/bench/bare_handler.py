"""What a cached answer is measured against: FastAPI alone, the same body in, the same JSON or events out."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse

from rag.api.wire import ChatRequest


def create_app(answer: Any) -> FastAPI:
    """One route that validates the body as ours does and returns `answer`; one that streams the same as events."""
    app = FastAPI()
    said = {name: value for name, value in answer.items() if name not in {"choices", "usage"}}
    deltas: tuple[dict[str, str], ...] = (
        {"role": "assistant", "content": ""},
        {"content": answer["choices"][0]["message"]["content"]},
        {},
    )

    async def events() -> AsyncIterator[str]:
        for delta in deltas:
            chunk = {"choices": [{"index": 0, "delta": delta}]} | (said if not delta else {})
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest) -> JSONResponse:
        return JSONResponse(answer)

    @app.post("/stream")
    async def stream(body: ChatRequest) -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(json.loads(sys.argv[2])),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
