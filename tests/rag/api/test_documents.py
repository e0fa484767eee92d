import gzip
import io
import urllib.parse

import aiohttp
import pytest

from rag.settings import LimitSettings
from tests.support.chat import chat_body, complete
from tests.support.jobs import accepted, add, finished

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def get(http, path, **query):
    async with http.get(path, params=query) as response:
        return response.status, await response.json()


async def delete(http, document_id, collection):
    async with http.delete(f"/v1/documents/{document_id}", params={"collection": collection}) as response:
        return response.status, await response.json()


async def refused(http, body):
    """Status and code of documents that are not accepted."""
    sent = {"json": body} if isinstance(body, dict) else {"data": body}
    async with http.post("/v1/documents", **sent) as response:
        problem = await response.json()
        assert response.headers["content-type"] == "application/problem+json"
        return response.status, problem["code"]


def form(*files, **fields):
    """A form that carries files given as (name, content)."""
    data = aiohttp.FormData()
    for name, value in fields.items():
        data.add_field(name, value)
    for name, content in files:
        data.add_field("file", io.BytesIO(content), filename=name)
    return data


async def test_a_document_comes_in_by_a_job(http):
    document = {
        "id": "guide/a.md",
        "title": "Guide",
        "text": "# Start\n\nPress the *green* button.",
        "format": "markdown",
        "url": "https://example.org/guide",
        "metadata": {"language": "en"},
    }
    job = await accepted(http, {"collection": "json", "documents": [document]})
    assert (job["collection"], job["status"], job["total"], job["done"]) == ("json", "queued", 1, 0)
    job = await finished(http, job)
    assert (job["status"], job["done"], job["failures"]) == ("done", 1, [])
    assert job["updated"] >= job["created"]
    status, found = await get(http, "/v1/documents/guide/a.md", collection="json")
    assert status == 200
    (passage,) = found.pop("passages")
    assert passage["text"] == "Press the green button."
    assert (passage["heading"], passage["tokens"] > 0) == ("Start", True)
    assert {key: found[key] for key in ("id", "title", "url", "metadata")} == {
        key: document[key] for key in ("id", "title", "url", "metadata")
    }
    assert found["digest"]
    assert found["updated"] > 0


async def test_a_document_that_is_sent_again_changes_nothing_a_changed_one_is_replaced(http):
    await add(http, "again", ("a", "The first text."))
    _, first = await get(http, "/v1/documents/a", collection="again")
    await add(http, "again", ("a", "The first text."))
    _, second = await get(http, "/v1/documents/a", collection="again")
    await add(http, "again", ("a", "The second text."))
    _, third = await get(http, "/v1/documents/a", collection="again")
    assert first == second
    assert third["sequence"] > first["sequence"]
    assert [passage["text"] for passage in third["passages"]] == ["The second text."]


async def test_a_changed_document_is_not_answered_from_the_cache(http):
    question = chat_body("How tall is the Fernmelde tower?", collection="stale")
    await add(http, "stale", ("a", "The Fernmelde tower is 100 metres tall."))
    answers = [await complete(http, question) for _ in range(2)]
    await add(http, "stale", ("a", "The Fernmelde tower is 200 metres tall."))
    answers.append(await complete(http, question))
    assert [answer["steadyrag"]["cache"]["verdict"] for answer in answers] == ["miss", "exact", "miss"]
    assert ["200 metres" in answer["choices"][0]["message"]["content"] for answer in answers] == [False, False, True]


async def test_documents_are_listed_page_by_page_in_the_order_of_their_ids(http):
    names = [f"d{number:02}" for number in range(7)]
    await add(http, "pages", *((name, f"Text of {name}.") for name in reversed(names)))
    seen, after = [], {}
    while after is not None:
        _, page = await get(http, "/v1/documents", collection="pages", limit=3, **after)
        assert len(page["documents"]) <= 3
        assert not any("passages" in document for document in page["documents"])
        seen += [document["id"] for document in page["documents"]]
        after = {"after": page["next"]} if page["next"] else None
    assert seen == names


@pytest.mark.parametrize("limit", ["0", "1001", "many", ""])
async def test_a_page_has_bounds(http, limit):
    status, problem = await get(http, "/v1/documents", limit=limit)
    assert (status, problem["code"], problem["param"]) == (400, "invalid_request", "limit")


async def test_a_removed_document_is_gone(http):
    await add(http, "gone", ("a", "Text about apples."), ("b", "Text about bees."))
    assert await delete(http, "a", "gone") == (200, {"deleted": ["a"]})
    assert (await get(http, "/v1/documents/a", collection="gone"))[0] == 404
    assert (await delete(http, "a", "gone"))[0] == 404
    async with http.post("/v1/search", json={"query": "apples", "collection": "gone"}) as response:
        results = (await response.json())["results"]
    assert [result["document_id"] for result in results] == ["b"]


@pytest.mark.parametrize("name", ["a/b.md", "ä ö", "a?b#c", "100%", "x" * 512])
async def test_any_id_can_be_asked_for_and_removed(http, name):
    await add(http, "ids", (name, "A text."))
    quoted = urllib.parse.quote(name, safe="")
    status, found = await get(http, f"/v1/documents/{quoted}", collection="ids")
    assert (status, found["id"]) == (200, name)
    assert (await delete(http, quoted, "ids"))[0] == 200


async def test_collections_are_listed_with_what_they_hold(http):
    await add(http, "listed", ("a", "One."), ("b", "Two."))
    _, body = await get(http, "/v1/collections")
    assert {"name": "listed", "documents": 2, "passages": 2} in body["collections"]
    names = [each["name"] for each in body["collections"]]
    assert names == sorted(names)


async def test_collections_do_not_see_each_other(http):
    await add(http, "mine", ("a", "The password of the router is swordfish."))
    await add(http, "theirs", ("b", "Something else entirely."))
    async with http.post("/v1/search", json={"query": "password swordfish", "collection": "theirs"}) as response:
        results = (await response.json())["results"]
    assert [result["document_id"] for result in results] == ["b"]


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/documents/a", "/v1/jobs/job_1", "/v1/nothing"])
async def test_what_does_not_exist(http, path):
    async with http.get(path, params={"collection": "nowhere"}) as response:
        assert response.status == 404
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_name_that_no_collection_has(http):
    assert (await get(http, "/v1/documents", collection="../up"))[0] == 400


LIMITS = LimitSettings()
WRONG = {
    "no documents": ({}, (400, "invalid_request")),
    "an empty list": ({"documents": []}, (400, "invalid_request")),
    "no id": ({"documents": [{"text": "a"}]}, (400, "invalid_request")),
    "no text": ({"documents": [{"id": "a", "text": " \n"}]}, (400, "invalid_request")),
    "a bad collection": ({"collection": "a b", "documents": [{"id": "a", "text": "b"}]}, (400, "invalid_request")),
    "nested metadata": ({"documents": [{"id": "a", "text": "b", "metadata": {"c": {}}}]}, (400, "invalid_request")),
    "many documents": (
        {"documents": [{"id": str(n), "text": "a"} for n in range(LIMITS.documents + 1)]},
        (413, "payload_too_large"),
    ),
    "malformed JSON": (b"{", (400, "invalid_request")),
}


@pytest.mark.parametrize(("body", "expected"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_said(http, body, expected):
    assert await refused(http, body) == expected


async def test_a_document_without_words_fails_in_its_job(http):
    documents = [{"id": "a", "text": "<script>1</script>", "format": "html"}, {"id": "b", "text": "Words."}]
    job = await finished(http, await accepted(http, {"collection": "words", "documents": documents}))
    assert (job["status"], job["total"], job["done"]) == ("done", 2, 2)
    assert [(failure["document_id"], bool(failure["reason"])) for failure in job["failures"]] == [("a", True)]
    job = await finished(http, await accepted(http, {"collection": "words", "documents": documents[:1]}))
    assert job["status"] == "failed"


async def test_metadata_keeps_its_values(http):
    metadata = {"text": "ä", "whole": -(2**63), "part": 1.5, "yes": True, "list": ["a", 1, False]}
    body = {"collection": "metadata", "documents": [{"id": "a", "text": "b", "metadata": metadata}]}
    await finished(http, await accepted(http, body))
    _, found = await get(http, "/v1/documents/a", collection="metadata")
    assert found["metadata"] == metadata


async def test_a_number_beyond_64_bits_becomes_a_fraction(http):
    body = {"collection": "huge", "documents": [{"id": "a", "text": "b", "metadata": {"n": [2**64]}}]}
    await finished(http, await accepted(http, body))
    _, found = await get(http, "/v1/documents/a", collection="huge")
    assert found["metadata"] == {"n": [float(2**64)]}


async def test_files_come_in_by_a_form(http):
    files = form(("notes.txt", b"Plain words."), ("page.HTML", b"<title>Page</title><p>Marked words.</p>"))
    files.add_field("collection", "form")
    job = await finished(http, await accepted(http, files))
    assert (job["collection"], job["status"], job["total"]) == ("form", "done", 2)
    _, page = await get(http, "/v1/documents/page.HTML", collection="form")
    assert (page["title"], page["passages"][0]["text"]) == ("Page", "Marked words.")


async def test_a_form_without_a_collection_goes_to_the_default_one(make_service, client):
    http = await client(await make_service(documents=()))
    job = await finished(http, await accepted(http, form(("notes.txt", b"Plain words."))))
    assert (job["collection"], job["status"]) == ("default", "done")


async def test_json_lines_come_in_by_a_form_as_the_command_takes_them(http):
    lines = b'{"_id": "a", "text": "One.", "metadata": {"n": 1}}\n\n{"_id": "b", "text": "Two."}\n'
    files = form(("more.jsonl", lines), ("packed.JSONL.gz", gzip.compress(b'{"_id": "c", "text": "Three."}')))
    files.add_field("collection", "lines")
    job = await finished(http, await accepted(http, files))
    assert (job["status"], job["total"], job["failures"]) == ("done", 3, [])
    _, listed = await get(http, "/v1/documents", collection="lines")
    assert [(each["id"], each["metadata"]) for each in listed["documents"]] == [("a", {"n": 1}), ("b", {}), ("c", {})]


@pytest.mark.parametrize("field", ["files", "colection"])
async def test_an_unknown_field_of_a_form_is_named(http, field):
    files = form(("notes.txt", b"Plain words."), **{field: "x"})
    async with http.post("/v1/documents", data=files) as response:
        problem = await response.json()
    assert (response.status, problem["param"]) == (400, field)
    assert problem["detail"].startswith(f"{field}: there is no such field; did you mean ")


SWOLLEN = gzip.compress(b'{"_id": "a", "text": "%s"}' % (b"x" * (LIMITS.document_body_bytes // 2 - 100)))
FORMS = {
    "no file": (form(collection="a"), (400, "invalid_request")),
    "a bad collection": (form(("a.txt", b"b"), collection="a b"), (400, "invalid_request")),
    "a long name": (form(("x" * 600 + ".txt", b"b")), (400, "invalid_request")),
    "an unknown format": (form(("a.exe", b"b")), (422, "unreadable_document")),
    "no name": (form(("", b"b")), (422, "unreadable_document")),
    "binary junk": (form(("a.txt", bytes(range(256)) * 9)), (422, "unreadable_document")),
    "a broken PDF": (form(("a.pdf", b"%PDF-1.7 and nothing more")), (422, "unreadable_document")),
    "an empty file": (form(("a.md", b"")), (422, "unreadable_document")),
    "a line that is no document": (form(("a.jsonl", b'{"_id": "a", "text": "b"}\n{}')), (422, "unreadable_document")),
    "no line": (form(("a.jsonl", b"\n")), (422, "unreadable_document")),
    "many lines": (
        form(("a.jsonl", b'{"_id": "a", "text": "b"}\n' * (LIMITS.documents + 1))),
        (413, "payload_too_large"),
    ),
    "files that unpack to more than a body": (
        form(*((f"{number}.jsonl.gz", SWOLLEN) for number in range(3))),
        (413, "payload_too_large"),
    ),
    "a long id in a line": (form(("a.jsonl", b'{"_id": "%s", "text": "b"}' % (b"x" * 600))), (400, "invalid_request")),
    "one good and one bad": (form(("a.txt", b"b"), ("b.exe", b"c")), (422, "unreadable_document")),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_that_does_not_fit(http, name):
    body, expected = FORMS[name]
    assert await refused(http, body) == expected


RAW_FORMS = {
    "no boundary": ("multipart/form-data", b"--x\r\n\r\n--x--"),
    "junk": ("multipart/form-data; boundary=x", bytes(range(256))),
    "cut off": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename='),
    "another boundary": ("multipart/form-data; boundary=x", b"--y\r\n\r\n--y--"),
    "a part without a name": ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\nc\r\n--x--\r\n"),
    "nothing": ("multipart/form-data; boundary=x", b""),
}


@pytest.mark.parametrize(("kind", "body"), RAW_FORMS.values(), ids=RAW_FORMS)
async def test_a_form_that_is_none(http, kind, body):
    async with http.post("/v1/documents", data=body, headers={"Content-Type": kind}) as response:
        problem = await response.json()
        assert (response.status, problem["code"]) == (400, "invalid_request"), problem


async def test_while_the_disk_is_nearly_full_nothing_is_taken_in(make_service, client):
    http = await client(await make_service(limits={"min_free_bytes": 1 << 60}, documents=()))
    assert await refused(http, {"documents": [{"id": "a", "text": "b"}]}) == (507, "storage_full")
    async with http.get("/v1/collections") as response:
        assert await response.json() == {"collections": []}


async def test_a_full_queue_turns_away_and_says_when_to_come_again(make_service, client):
    service = await make_service(documents=(), ingestion={"max_jobs": 1})
    http = await client(service)
    await service.worker.aclose()
    await accepted(http, {"documents": [{"id": "a", "text": "b"}]})
    async with http.post("/v1/documents", json={"documents": [{"id": "c", "text": "d"}]}) as response:
        assert (response.status, (await response.json())["code"]) == (503, "overloaded")
        assert int(response.headers["Retry-After"]) >= 1


async def test_a_body_over_the_limit_is_not_read(make_service, client):
    http = await client(await make_service(limits={"document_body_bytes": 2_000}, documents=()))
    assert await refused(http, {"documents": [{"id": "a", "text": "x" * 2_000}]}) == (413, "payload_too_large")
    assert await refused(http, form(("a.txt", b"x" * 2_000))) == (413, "payload_too_large")


async def test_a_compressed_body_is_refused_by_name(http):
    body = gzip.compress(b'{"documents": [{"id": "a", "text": "b"}]}')
    async with http.post("/v1/documents", data=body, headers={"Content-Encoding": "gzip"}) as response:
        problem = await response.json()
    assert (response.status, problem["code"]) == (400, "invalid_request")
    assert "without Content-Encoding" in problem["detail"]
