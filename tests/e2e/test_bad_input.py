"""Whatever comes in: one clear error with the right status, and nothing is lost."""

import asyncio
import json
import os
import random
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from rag.storage.folder import current_owner
from tests.support.chat import ROUTE, chat_body, complete, refusal
from tests.support.corpus import ANSWER, DOCUMENTS, QUESTION, as_lines
from tests.support.jobs import accepted, finished
from tests.support.processes import serving, started, steadyrag

LARGE = 200 << 20
JUNK = random.Random(1).randbytes(20_000)


@pytest.fixture
async def http(served):
    async with aiohttp.ClientSession(served.url) as client:
        yield client
        assert ANSWER in (await complete(client, chat_body(QUESTION)))["choices"][0]["message"]["content"]


def lines(result):
    """What a command said on standard error; never a traceback."""
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


BAD_QUESTIONS = {
    "empty": (chat_body(""), 400, "invalid_request"),
    "blank": (chat_body("  \n\t"), 400, "invalid_request"),
    "1 MB": (chat_body("x " * 500_000), 413, "payload_too_large"),
    "3 MB": (chat_body("x " * 1_500_000), 413, "payload_too_large"),
    "10,000 messages": (chat_body(*["turn"] * 9_999), 413, "payload_too_large"),
    "an unknown model": (chat_body(QUESTION) | {"model": "gpt-4"}, 404, "not_found"),
    "an unknown collection": (chat_body(QUESTION, collection="nowhere"), 404, "not_found"),
    "malformed JSON": (b'{"messages": [', 400, "invalid_request"),
    "no JSON": (JUNK, 400, "invalid_request"),
    "nothing": (b"", 400, "invalid_request"),
    "deep": (b'{"messages": ' + b"[" * 50_000, 400, "invalid_request"),
    "wrong types": (chat_body(QUESTION) | {"messages": {"role": 1}}, 400, "invalid_request"),
    "a wrong type inside": (chat_body(QUESTION, top_k="many"), 400, "invalid_request"),
    "a lone surrogate": (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "invalid_request"),
}
ODD_QUESTIONS = ("\x00", "\u202ea", "😀" * 1_000, "[1] " * 1_000, "?" * 8_000, "ß" * 8_000)
JUNK_NAMES = ("junk.txt", "junk.md", "junk.html", "junk.pdf", "junk.jsonl", "junk.jsonl.gz", "junk.bin", "junk")


class TestQuestions:
    @pytest.mark.parametrize(("body", "status", "code"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
    async def test_a_bad_one(self, http, body, status, code):
        told, error = await refusal(http, body)
        assert (told, error["code"]) == (status, code)
        assert error["type"] == "invalid_request_error"
        assert 0 < len(error["message"]) < 500
        assert "\n" not in error["message"]

    @pytest.mark.parametrize("text", ODD_QUESTIONS)
    async def test_an_odd_one_is_answered(self, http, text):
        assert (await complete(http, chat_body(text)))["citations"] == []


class TestBodies:
    """A body over the limit is refused when that is known, not when it has arrived."""

    @staticmethod
    async def sent(url, path, headers, parts):
        """The status of a request whose body comes in parts, and how many bytes of it were written."""
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n\r\n".encode())
        answer = asyncio.create_task(reader.readline())
        written = 0
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                written += len(part)
                if answer.done():
                    break
        except ConnectionError:
            pass
        status = int((await answer).split()[1])
        writer.close()
        return status, written

    @pytest.mark.parametrize("path", [ROUTE, "/v1/search", "/v1/documents"])
    async def test_one_that_says_it_is_large(self, served, http, path):
        status, _ = await self.sent(served.url, path, f"Content-Length: {LARGE}", [b"{"])
        assert status == 413

    @pytest.mark.parametrize(
        ("path", "limit"), [(ROUTE, 2 << 20), ("/v1/search", 2 << 20), ("/v1/documents", 32 << 20)]
    )
    async def test_one_that_grows(self, served, http, path, limit):
        part = b"100000\r\n%s\r\n" % (b"x" * (1 << 20))
        before = resident_bytes(served.process.pid)
        status, written = await self.sent(served.url, path, "Transfer-Encoding: chunked", [part] * (LARGE >> 20))
        assert status == 413
        # what the client pushes until the refusal reaches it is the machine's affair, but none of it may be kept
        assert written >= limit
        assert resident_bytes(served.process.pid) - before < 2 * limit + (32 << 20)

    async def test_one_that_never_comes_costs_nobody_anything(self, served, http):
        place = urlsplit(served.url)
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        await complete(http, chat_body(QUESTION))
        writer.close()


class TestDocuments:
    @pytest.mark.parametrize("name", JUNK_NAMES)
    async def test_binary_junk_is_not_taken_in(self, http, name):
        form = aiohttp.FormData()
        form.add_field("file", JUNK, filename=name)
        async with http.post("/v1/documents", data=form) as response:
            assert response.status == 422
            assert (await response.json())["code"] == "unreadable_document"

    def test_binary_junk_among_files_is_reported_and_the_rest_comes_in(self, environment, tmp_path):
        for name in JUNK_NAMES:
            (tmp_path / name).write_bytes(JUNK)
        (tmp_path / "good.md").write_text("# Good\n\nGood text.")
        done = steadyrag(environment(index__shards=1), "ingest", *JUNK_NAMES, "good.md", "--json", cwd=tmp_path)
        outcome = json.loads(done.stdout)
        assert (done.returncode, outcome["stored"]) == (1, 1)
        assert {failure["source"].split(":")[0] for failure in outcome["failures"]} == set(JUNK_NAMES)
        assert lines(done)[-1].startswith("1 stored, 0 unchanged,")

    def test_files_of_200_mb(self, environment, tmp_path):
        large = ["large.txt", "large.pdf", "large.html", "large.jsonl"]
        for name in large:
            with (tmp_path / name).open("wb") as file:
                file.truncate(LARGE)
        (tmp_path / "good.md").write_text("# Good\n\nGood text.")
        done = steadyrag(environment(index__shards=1), "ingest", ".", "--json", cwd=tmp_path)
        outcome = json.loads(done.stdout)
        assert (done.returncode, outcome["stored"]) == (1, 1)
        assert {failure["source"].split(":")[0] for failure in outcome["failures"]} == set(large)
        assert all("bytes" in failure["reason"] for failure in outcome["failures"])
        assert lines(done)[-1].startswith("1 stored, 0 unchanged, 4 skipped")


def ingested(environment):
    """Have the corpus in the data folder."""
    done = steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS))
    assert done.returncode == 0, done.stderr


def asked(environment):
    return steadyrag(environment, "ask", QUESTION)


class TestCorruptFolder:
    """A damaged file is named, nothing is written over, and with the file as it was all is as it was."""

    PLACES = ("catalog.db", "format.json", "index/shard-0/edge_config.json", "index/shard-0/wal/open-1")
    COMMANDS = (("serve", "--port", "0"), ("ingest", "-"), ("ask", QUESTION))

    @pytest.mark.parametrize("place", PLACES)
    def test_garbage(self, command, data_dir, place):
        command("ingest", "-", stdin=as_lines(DOCUMENTS).encode())
        file = data_dir / place
        sound = file.read_bytes()
        file.write_bytes(JUNK[:4096] + sound[4096:])
        for arguments in self.COMMANDS:
            result = command(*arguments, stdin=b'{"_id": "a", "text": "b"}')
            assert result.status == 2
            assert place.split("/")[0] in result.error
            assert "restore a backup or use another data folder" in result.error
        report = command("doctor", "--json")
        assert (report.status, report.json["misconfigured"], len(report.json["problems"])) == (2, True, 1)
        file.write_bytes(sound)
        assert ANSWER in command("ask", QUESTION).out

    @pytest.mark.parametrize("place", ["catalog.db", "index/shard-0"])
    def test_a_part_that_is_lost(self, command, data_dir, place):
        command("ingest", "-", stdin=as_lines(DOCUMENTS).encode())
        (data_dir / place).rename(data_dir / "lost")
        for arguments in self.COMMANDS:
            result = command(*arguments, stdin=b'{"_id": "a", "text": "b"}')
            assert result.status == 2
            assert place in result.error
            assert "restore a backup, or remove the folder" in result.error
            assert not (data_dir / place).exists()
        (data_dir / "lost").rename(data_dir / place)
        assert ANSWER in command("ask", QUESTION).out

    def test_the_lexical_index_is_made_anew(self, command, data_dir):
        command("ingest", "-", stdin=as_lines(DOCUMENTS).encode())
        (data_dir / "lexical.db").write_bytes(JUNK)
        answer = command("ask", QUESTION, "--json").json
        assert ANSWER in answer["choices"][0]["message"]["content"]
        assert answer["steadyrag"]["degraded"] == []

    def test_a_folder_that_is_a_file(self, command, data_dir):
        data_dir.touch()
        result = command("ask", QUESTION)
        assert (result.status, "cannot use the data folder" in result.error) == (2, True)


class TestFullDisk:
    async def test_below_the_reserve_writes_are_refused_and_questions_answered(self, environment):
        settings = environment(index__shards=1)
        ingested(settings)
        with serving(environment(index__shards=1, limits__min_free_bytes=1 << 60)) as served:
            async with aiohttp.ClientSession(served.url) as http:
                async with http.post("/v1/documents", json={"documents": [{"id": "a", "text": "b"}]}) as response:
                    assert response.status == 507
                    assert int(response.headers["retry-after"]) > 0
                    assert (await response.json())["code"] == "storage_full"
                assert ANSWER in (await complete(http, chat_body(QUESTION)))["choices"][0]["message"]["content"]
        done = steadyrag(environment(index__shards=1, limits__min_free_bytes=1 << 60), "ingest", "-", stdin="{}")
        assert done.returncode == 1
        assert ANSWER in asked(settings).stdout

    @pytest.mark.parametrize("reserve", [8 << 20, 0], ids=["with a reserve", "without"])
    async def test_a_disk_that_is_really_full(self, environment, tiny_disk, reserve):
        settings = environment(data_dir=tiny_disk / "data", index__shards=1, limits__min_free_bytes=reserve)
        ingested(settings)
        ballast = tiny_disk / "ballast"
        with serving(settings) as served:
            async with aiohttp.ClientSession(served.url) as http:
                fill(ballast)
                async with http.post("/v1/documents", json={"documents": [{"id": "a", "text": "b"}]}) as response:
                    assert response.status == 507
                assert ANSWER in (await complete(http, chat_body(QUESTION)))["choices"][0]["message"]["content"]
                ballast.unlink()
                job = await finished(http, await accepted(http, {"documents": [{"id": "a", "text": "b"}]}))
                assert job["status"] == "done"
        assert ANSWER in asked(settings).stdout


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 160 MB, of which an index of one shard takes about 80."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(file):
    """Write until the disk is full."""
    with pytest.raises(OSError, match="No space"), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(1 << 16))


def resident_bytes(pid):
    """Memory that the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class TestOneOfAKind:
    def test_a_port_in_use(self, environment):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = steadyrag(environment(), "serve", "--port", taken.getsockname()[1])
        assert done.returncode == 2
        (line,) = lines(done)
        assert "is in use by another program; stop it, or choose another with --port" in line

    def test_a_second_service_on_the_same_folder(self, environment):
        settings = environment(index__shards=1)
        ingested(settings)
        with serving(settings) as first:
            done = steadyrag(settings, "serve", "--port", "0")
            assert done.returncode == 2
            (line,) = lines(done)
            assert f"is in use by process {first.process.pid}, serving {first.url}" in line
            assert ANSWER in asked(settings).stdout, "the first one goes on"

    @pytest.mark.parametrize("command", [["ask", QUESTION], ["ingest", "-"], ["serve", "--port", "0"]])
    def test_a_command_beside_an_ingestion(self, environment, scratch, command):
        settings = environment(index__shards=1)
        with started(settings, "ingest", "-") as ingestion:
            until(lambda: current_owner(scratch / "data") is not None, ingestion)
            done = steadyrag(settings, *command)
            assert done.returncode == 2
            (line,) = lines(done)
            assert f"is in use by process {ingestion.pid}; stop it" in line
            _, told = ingestion.communicate('{"_id": "a", "text": "It goes on."}\n')
        assert "1 stored" in told


def until(holds, process):
    """Wait for what a process will do."""
    while not holds():
        assert process.poll() is None
