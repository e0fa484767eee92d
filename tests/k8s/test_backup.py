"""The script that fetches Qdrant's snapshots, against a server that speaks the three routes that it uses.

Real Qdrant has no binary for the machines that run this: the routes are those of its documentation.
"""

import hashlib
import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.manifests import K8S

KEY = "the-key"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("qdrant_snapshots", K8S / "base/backup/qdrant_snapshots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Qdrant(BaseHTTPRequestHandler):
    """One peer with two collections."""

    checksum = None

    def do_GET(self):
        if self.path == "/collections":
            self.reply({"collections": [{"name": "steadyrag.a"}, {"name": "steadyrag.b"}]})
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

    def do_POST(self):
        path = f"{self.path}/made.snapshot"
        self.server.kept.add(path)
        self.reply({"name": "made.snapshot", "checksum": self.checksum or hashlib.sha256(path.encode()).hexdigest()})

    def do_DELETE(self):
        self.server.kept.remove(self.path)
        self.reply(True)

    def reply(self, result):
        self.send_response(200 if self.headers["api-key"] == KEY else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"result": result}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def handler():
    return type("OfThisTest", (Qdrant,), {})


@pytest.fixture
def server(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.kept = set()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def peer(script, server):
    return script.Peer(f"http://127.0.0.1:{server.server_port}", KEY)


@pytest.fixture
def unfinished(tmp_path):
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished/log.rdb").write_bytes(b"of the step before")
    return tmp_path


def test_every_collection_of_every_peer_is_fetched(script, peer, server, unfinished):
    done = script.main(unfinished, [peer], keep=2)
    assert {path.name for path in done.iterdir()} == {
        "log.rdb",
        "127.0.0.1.steadyrag.a.snapshot",
        "127.0.0.1.steadyrag.b.snapshot",
    }
    assert (done / "127.0.0.1.steadyrag.a.snapshot").read_text() == "/collections/steadyrag.a/snapshots/made.snapshot"
    assert not server.kept
    assert not (unfinished / "unfinished").exists()


def test_the_oldest_make_room(script, peer, unfinished):
    for day in (1, 2, 3):
        (unfinished / f"2020-01-0{day}T03-17-00Z").mkdir()
    (unfinished / "lost+found").mkdir()
    done = script.main(unfinished, [peer], keep=2)
    assert {path.name for path in unfinished.iterdir()} == {"lost+found", "2020-01-03T03-17-00Z", done.name}


def test_a_damaged_snapshot_is_no_backup(script, peer, handler, server, unfinished):
    handler.checksum = "0" * 64
    with pytest.raises(OSError, match="damaged"):
        script.main(unfinished, [peer], keep=2)
    assert [path.name for path in unfinished.iterdir()] == ["unfinished"]
    assert not server.kept


def test_a_peer_that_says_no_is_no_backup(script, server, unfinished):
    with pytest.raises(OSError, match="401"):
        script.main(unfinished, [script.Peer(f"http://127.0.0.1:{server.server_port}", "wrong")], keep=2)
