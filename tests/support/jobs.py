"""Documents on their way into the index."""


async def accepted(http, body):
    """The job for the documents: a dict is sent as JSON, a form as it is."""
    sent = {"json": body} if isinstance(body, dict) else {"data": body}
    async with http.post("/v1/documents", **sent) as response:
        job = await response.json()
        assert response.status == 202, job
        assert response.headers["location"] == f"/v1/jobs/{job['id']}"
        return job


async def finished(http, job):
    """The job once it is done."""
    while job["status"] in {"queued", "running"}:
        async with http.get(f"/v1/jobs/{job['id']}") as response:
            job = await response.json()
    return job


async def add(http, collection, *documents):
    """Add documents given as (id, text) and wait for them."""
    body = {"collection": collection, "documents": [{"id": key, "text": text} for key, text in documents]}
    return await finished(http, await accepted(http, body))
