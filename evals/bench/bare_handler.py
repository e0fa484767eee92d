"""What a cached answer is measured against: FastAPI alone, the same body in, the same JSON out."""

from __future__ import annotations

import json
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from rag.api.wire import ChatRequest


def create_app(answer: Any) -> FastAPI:
    """One route that validates the body as ours does and returns `answer`."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest) -> JSONResponse:
        return JSONResponse(answer)

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
