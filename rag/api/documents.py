"""`/v1/documents`, `/v1/jobs`, `/v1/collections`: what is in the index, and how it gets there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rag.api.access import allowed
from rag.api.bodies import parse_fields, read_bytes, read_json, schema_of, unknown_field
from rag.api.json_response import json_response
from rag.api.names import known_space
from rag.api.wire import CollectionName, DocumentBody, DocumentsRequest
from rag.compose import Service
from rag.errors import InvalidRequest, NotFound, PayloadTooLarge
from rag.ingestion.apart import Apart
from rag.ingestion.sources import received
from rag.settings import LimitSettings
from rag.storage.jobs import Job
from rag.types import Change, Document, Role, Space

FORM_FIELDS = ("file", "collection")
Limit = Annotated[int, Query(ge=1, le=1_000)]


def add_document_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["documents"]
    timeout_s = service.settings.timeout_s

    @app.post(
        "/v1/documents",
        status_code=202,
        tags=tags,
        summary="Add or replace documents",
        openapi_extra=schema_of(DocumentsRequest),
    )
    async def add(request: Request) -> Response:
        """As JSON, or as files: `curl -F file=@paper.pdf -F file=@corpus.jsonl -F collection=default`."""
        tenant = allowed(request, service, Role.INGEST).tenant
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            collection, documents = await _uploaded(request, service)
        else:
            body = await read_json(request, DocumentsRequest, service.settings.limits.document_body_bytes)
            collection, documents = body.collection, [_document(document) for document in body.documents]
        most = service.settings.limits.documents
        if len(documents) > most:
            raise PayloadTooLarge(f"documents: {len(documents)}, at most {most} in one request")
        service.folder.ensure_space()
        job = await service.worker.submit(Space(tenant, collection), documents, timeout_s=timeout_s)
        return json_response(job_body(job), status=202, headers={"Location": f"/v1/jobs/{job.id}"})

    @app.get("/v1/documents", tags=tags, summary="The documents of a collection, in the order of their ids")
    async def listed(
        request: Request, collection: CollectionName = "default", after: str | None = None, limit: Limit = 100
    ) -> Response:
        space = known_space(service, allowed(request, service, Role.QUERY), collection)
        found = await service.store.documents(space, after=after, limit=limit, timeout_s=timeout_s)
        following = found[-1].document_id if len(found) == limit else None
        return json_response({"documents": [_summary(change) for change in found], "next": following})

    @app.get("/v1/documents/{document_id:path}", tags=tags, summary="One document with its passages")
    async def one(document_id: str, request: Request, collection: CollectionName = "default") -> Response:
        space = known_space(service, allowed(request, service, Role.QUERY), collection)
        found = await service.store.document(space, document_id, timeout_s=timeout_s)
        if found is None:
            raise NotFound(f"no document {document_id!r} in collection {collection!r}")
        passages = [{"id": p.id, "heading": p.heading, "text": p.text, "tokens": p.tokens} for p in found.passages]
        return json_response(_summary(found) | {"passages": passages})

    @app.delete("/v1/documents/{document_id:path}", tags=tags, summary="Remove a document")
    async def remove(document_id: str, request: Request, collection: CollectionName = "default") -> Response:
        space = known_space(service, allowed(request, service, Role.INGEST), collection)
        removed = await service.writer.delete(space, [document_id])
        if not removed:
            raise NotFound(f"no document {document_id!r} in collection {collection!r}")
        return json_response({"deleted": removed})

    @app.get("/v1/jobs/{job_id}", tags=tags, summary="How far an ingestion job is")
    async def job_state(job_id: str, request: Request) -> Response:
        job = await service.jobs.get(allowed(request, service, Role.INGEST).tenant, job_id, timeout_s=timeout_s)
        if job is None:
            raise NotFound(f"no job {job_id!r}")
        return json_response(job_body(job))

    @app.get("/v1/collections", tags=tags, summary="The collections")
    async def collections(request: Request) -> Response:
        rows = await service.store.collections(allowed(request, service, Role.QUERY).tenant, timeout_s=timeout_s)
        return json_response(
            {"collections": [{"name": name, "documents": docs, "passages": passages} for name, docs, passages in rows]}
        )


async def _uploaded(request: Request, service: Service) -> tuple[str, list[Document]]:
    """The files of a form, read by the reader of their suffix; the file's name is the document's id."""
    limits = service.settings.limits
    request._body = await read_bytes(request, limits.document_body_bytes)
    try:
        async with request.form(max_files=limits.documents) as form:
            for name in form:
                if name not in FORM_FIELDS:
                    raise unknown_field(name, FORM_FIELDS)
            uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            files = [(upload.filename or "upload", await upload.read()) for upload in uploads]
            collection = form.get("collection") or "default"
    except HTTPException as error:
        raise InvalidRequest(f"the form cannot be read: {error.detail}") from None
    if not files:
        raise InvalidRequest("the form carries no file; send one as: curl -F file=@paper.pdf", param="file")
    apart = Apart(limits.read_cpu_s, limits.read_memory_bytes)
    try:
        documents = await asyncio.to_thread(_parsed, files, limits, apart)
    finally:  # under a caller who goes, too; it waits for a process to end
        await asyncio.to_thread(apart.close)
    named = [{"id": document.id, "text": ""} for document in documents]
    return parse_fields({"collection": collection, "documents": named}, DocumentsRequest).collection, documents


def _parsed(files: Sequence[tuple[str, bytes]], limits: LimitSettings, apart: Apart) -> list[Document]:
    """The documents of all files.

    Raises:
        PayloadTooLarge: unpacked, they are more, or hold more, than a body may.
    """
    found: list[Document] = []
    left = limits.document_body_bytes
    for name, data in files:
        found += (more := received(name, data, left, limits.documents - len(found), apart.parse))
        left -= sum(len(document.text) for document in more)
        if left < 0:
            raise PayloadTooLarge(f"{name}: with it, the files hold more than {limits.document_body_bytes:,} bytes")
    return found


def _document(body: DocumentBody) -> Document:
    if not body.text.strip():
        raise InvalidRequest(f"documents: {body.id!r} has no text", param="documents")
    return Document(body.id, body.text, body.title, body.format, body.url, body.metadata)


def _summary(change: Change) -> dict[str, object]:
    return {
        "id": change.document_id,
        "title": change.title,
        "url": change.url,
        "metadata": change.metadata,
        "digest": change.digest,
        "sequence": change.seq,
        "updated": change.at,
    }


def job_body(job: Job) -> dict[str, object]:
    """The job as callers see it."""
    return {
        "id": job.id,
        "collection": job.space.collection,
        "status": job.state,
        "total": job.total,
        "done": job.done,
        "unchanged": job.unchanged,
        "failures": [asdict(failure) for failure in job.failures],
        "created": job.created,
        "updated": job.updated,
    }
