"""What a data folder holds, read past the service: the files themselves, once no process has them open."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from qdrant_edge import EdgeShard, ScrollRequest

from rag.retrieval.sharded import shard_of
from rag.types import Space

EVERYTHING = 1_000_000


@dataclass(frozen=True)
class Stored:
    """The contents of a folder.

    Attributes:
        documents: ids, sorted, one for each row.
        passages: (document, ordinal, passage id), sorted.
        points: shard -> ids of its points, sorted.
        words: passage ids that the lexical index holds, sorted.
        notes: passage ids that are noted as unsettled.
    """

    documents: list[str]
    passages: list[tuple[str, int, str]]
    points: dict[int, list[str]]
    words: list[str]
    notes: list[str]

    @classmethod
    def read(cls, data_dir):
        documents = rows(data_dir, "SELECT id FROM documents WHERE digest <> '' ORDER BY id")
        passages = rows(
            data_dir, "SELECT d.id, p.ordinal, p.id FROM passages p JOIN documents d USING(seq) ORDER BY 1, 2, 3"
        )
        entries = rows(data_dir, "SELECT passage_ids FROM entries", "lexical.db")
        words = [str(UUID(bytes=ids[at : at + 16])) for (ids,) in entries for at in range(0, len(ids), 16)]
        notes = rows(data_dir, "SELECT passage_id FROM unsettled_points")
        return cls(
            documents=[key for (key,) in documents],
            passages=passages,
            points=dict(enumerate(map(points, sorted((data_dir / "index").iterdir())))),
            words=sorted(words),
            notes=[key for (key,) in notes],
        )

    def check(self):
        """Every index holds exactly the passages that the log knows, each point on its document's shard."""
        assert len(set(self.documents)) == len(self.documents)
        assert self.words == sorted(passage for *_, passage in self.passages)
        wanted = {number: [] for number in self.points}
        for document, _, passage in self.passages:
            wanted[shard_of(Space("default", "default"), document, len(self.points))].append(passage)
        assert self.points == {number: sorted(ids) for number, ids in wanted.items()}
        assert set(self.notes) <= {passage for *_, passage in self.passages}


def rows(data_dir, query, name="catalog.db"):
    """What a query of a database of the folder gives; the file is not written to."""
    with closing(sqlite3.connect(f"file:{data_dir / name}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def written(data_dir):
    """How many documents were ever written; also while another process writes."""
    try:
        return rows(data_dir, "SELECT COALESCE(MAX(seq), 0) FROM documents")[0][0]
    except sqlite3.OperationalError:
        return 0  # the database is not there yet


def points(folder):
    """The ids of a shard's points, sorted."""
    shard = EdgeShard.load(str(folder))
    records, _ = shard.scroll(ScrollRequest(limit=EVERYTHING, with_payload=False, with_vector=False))
    shard.close()
    return sorted(str(record.id) for record in records)
