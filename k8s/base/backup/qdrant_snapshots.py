"""Fetch a snapshot of every collection from every Qdrant peer, then give the backup its name and drop the oldest.

`qdrant_snapshots.py BACKUP_FOLDER PEER_URL...`: what the steps before have laid into BACKUP_FOLDER/unfinished becomes,
with the snapshots, BACKUP_FOLDER/<time>. A snapshot holds the shards of the peer that made it, so that all peers are
asked (https://qdrant.tech/documentation/concepts/snapshots/). Environment: QDRANT_API_KEY; KEEP = backups that stay.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

UNFINISHED = "unfinished"
#: A snapshot of a large collection takes its time, and nothing is heard until it is made.
TIMEOUT_S = 3600
CHUNK = 1 << 20


class Peer:
    """One Qdrant server, by its URL and key."""

    def __init__(self, url: str, key: str) -> None:
        self.address = urlsplit(url)
        self._headers = {"api-key": key}

    def collections(self) -> list[str]:
        """The names of its collections."""
        return [each["name"] for each in self._json("GET", "/collections")["collections"]]

    def snapshot(self, collection: str, folder: Path) -> Path:
        """Make a snapshot, fetch it into the folder, and let the peer forget it.

        Raises:
            OSError: the peer does not answer, says no, or sent something else than it made.
        """
        path = f"/collections/{quote(collection)}/snapshots"
        made = self._json("POST", path)
        target = folder / f"{self.address.hostname}.{collection}.snapshot"
        try:
            digest = self._fetch(f"{path}/{quote(made['name'])}", target)
        finally:
            self._json("DELETE", f"{path}/{quote(made['name'])}")
        if made["checksum"] != digest:
            raise OSError(f"{target.name} is damaged: {digest} instead of {made['checksum']}")
        return target

    def _fetch(self, path: str, target: Path) -> str:
        digest = hashlib.sha256()
        with target.open("wb") as out:
            response = self._ask("GET", path)
            while piece := response.read(CHUNK):
                digest.update(piece)
                out.write(piece)
        return digest.hexdigest()

    def _json(self, method: str, path: str) -> Any:
        return json.loads(self._ask(method, path).read())["result"]

    def _ask(self, method: str, path: str) -> HTTPResponse:
        connection = HTTPConnection(self.address.hostname or "", self.address.port, timeout=TIMEOUT_S)
        connection.request(method, path, headers=self._headers)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"{self.address.netloc}{path} answers {response.status}")
        return response


def main(folder: Path, peers: list[Peer], keep: int) -> Path:
    """Finish the backup; gives the folder that holds it."""
    unfinished = folder / UNFINISHED
    for peer in peers:
        for collection in peer.collections():
            peer.snapshot(collection, unfinished)
    finished = folder / time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
    unfinished.rename(finished)
    for old in sorted(folder.glob("????-??-??T*Z"))[:-keep]:
        shutil.rmtree(old)
    return finished


if __name__ == "__main__":
    key = os.environ["QDRANT_API_KEY"]
    done = main(Path(sys.argv[1]), [Peer(url, key) for url in sys.argv[2:]], int(os.environ.get("KEEP", "14")))
    sys.stdout.write(f"{done}\n")
