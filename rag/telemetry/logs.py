"""Logs as JSON, one object a line: what is logged during a request bears its ids, and each request has a line itself.

A line tells how a request went, never what it was about: of what its span is told, only `FIELDS` are taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TextIO

import orjson

from rag.pipeline.trace import Attributes, Span
from rag.telemetry.tracing import TRACEPARENT, Arrived, Tracer

REQUESTS = logging.getLogger("steadyrag.requests")
#: Attribute of a request's span -> field of its line.
FIELDS = {
    "http.request.method": "method",
    "http.route": "route",
    "http.response.status_code": "status",
    "error.type": "error",
    "steadyrag.error": "code",
    "steadyrag.tenant": "tenant",
    "steadyrag.cache.verdict": "cache",
    "gen_ai.response.model": "model",
    "steadyrag.route.tier": "tier",
    "steadyrag.route.rule": "rule",
    "steadyrag.degraded": "degraded",
}
_NOBODYS: Mapping[str, str] = MappingProxyType({})
#: The ids of the request that is being worked on.
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=_NOBODYS)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, the request's ids, and `extra={"told": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids.get(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def log_json(stream: TextIO) -> None:
    """Have this process log as JSON on `stream`, and requests with it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    REQUESTS.setLevel(logging.INFO)


class LoggingTracer:
    """A `Tracer` that also logs each request when it is over."""

    def __init__(self, inner: Tracer) -> None:
        self._inner = inner
        self.aclose = inner.aclose

    def request(self, arrived: Arrived, started_at: float) -> LoggedSpan:
        """See `Tracer`."""
        span = self._inner.request(arrived, started_at)
        ids = {"request_id": arrived.id}
        if (parent := span.context.get(TRACEPARENT)) is not None:
            ids["trace_id"] = parent.split("-")[1]
        _ids.set(ids)  # of the request's own task, and of those that it starts
        return LoggedSpan(span, arrived, started_at)


class LoggedSpan:
    """A request's `Span` that makes a line of what is set on it."""

    def __init__(self, inner: Span, arrived: Arrived, started_at: float) -> None:
        self._inner = inner
        self._started_at = started_at
        self._fields: dict[str, object] = {"method": arrived.method}
        self.child = inner.child

    @property
    def context(self) -> Mapping[str, str]:
        """See `Span`."""
        return self._inner.context

    def set(self, attributes: Attributes) -> None:
        """See `Span`."""
        self._inner.set(attributes)
        self._fields |= {FIELDS[name]: value for name, value in attributes.items() if name in FIELDS}

    def end(self, ended_at: float) -> None:
        """See `Span`."""
        self._inner.end(ended_at)
        told = {**self._fields, "ms": round((ended_at - self._started_at) * 1e3, 3)}
        REQUESTS.info("request", extra={"told": told})
