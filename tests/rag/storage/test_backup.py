import io
import json
import sqlite3
import tarfile

import pytest

from rag.errors import ConfigError, DataFolderBusy, DataFolderCorrupt, StorageFull
from rag.storage import backup
from rag.storage.backup import check, pack, restore
from rag.storage.folder import DataFolder
from tests.support.killed import run_until_killed


def fill(folder, text="one"):
    """A data folder of the same shape as a real one; gives its shards."""
    shard = folder / "index" / "shard-0"
    shard.mkdir(parents=True)
    (shard / "segments").write_bytes(text.encode() * 100_000)
    (shard / "empty").touch()
    (folder / "format.json").write_text('{"format": 1}')
    connection = sqlite3.connect(folder / "catalog.db")
    with connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE documents(id TEXT)")
        connection.execute("INSERT INTO documents VALUES (?)", [text])
    connection.close()
    return {"index/shard-0": shard}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def archive(tmp_path, folder):
    """An archive of a folder that holds "one"."""
    file = tmp_path / "a.tar"
    with file.open("wb") as out:
        pack(out, folder, fill(folder))
    return file


def content(folder):
    """What a data folder holds."""
    connection = sqlite3.connect(folder / "catalog.db")
    rows = connection.execute("SELECT id FROM documents").fetchall()
    connection.close()
    return rows, (folder / "index" / "shard-0" / "segments").read_bytes()[:3], (folder / "format.json").read_text()


ONE = ([("one",)], b"one", '{"format": 1}')


def members(file):
    """Name -> bytes of each member, in order."""
    with tarfile.open(file) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened}


def write(file, contents):
    """A tar file of these members."""
    with tarfile.open(file, "w") as opened:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))


def test_an_archive_holds_everything_and_says_so_last(archive, folder):
    names = list(members(archive))
    expected = ["catalog.db", "format.json", "index/shard-0/empty", "index/shard-0/segments", "manifest.json"]
    assert names == expected
    assert list(check(archive)) == expected[:-1]
    assert sorted(entry.name for entry in folder.iterdir()) == ["catalog.db", "format.json", "index"]


def test_the_catalog_is_taken_as_of_one_moment(tmp_path, folder):
    shards = fill(folder)
    writer = sqlite3.connect(folder / "catalog.db")
    writer.execute("INSERT INTO documents VALUES ('not committed')")
    with (tmp_path / "a.tar").open("wb") as out:
        pack(out, folder, shards)
    writer.rollback()
    writer.close()
    restore(tmp_path / "a.tar", tmp_path / "new")
    assert content(tmp_path / "new") == ONE


def test_a_catalog_that_cannot_be_read_is_told(folder):
    shards = fill(folder)
    (folder / "catalog.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(DataFolderCorrupt, match="catalog"):
        pack(io.BytesIO(), folder, shards)


def test_a_new_folder_becomes_what_the_archive_holds(archive, tmp_path):
    done = []
    restore(archive, tmp_path / "new", advance=done.append)
    assert content(tmp_path / "new") == ONE
    assert sum(done) == pytest.approx(2 * archive.stat().st_size, rel=0.2)
    assert not list(tmp_path.glob(".new-restoring-*"))


def test_data_is_replaced_only_when_that_is_asked_for(archive, tmp_path):
    other = tmp_path / "other"
    fill(other, "two")
    before = content(other)
    with pytest.raises(ConfigError, match="holds data; --force"):
        restore(archive, other)
    assert content(other) == before
    (other / "lexical.db").touch()
    restore(archive, other, force=True)
    assert content(other) == ONE
    assert not (other / "lexical.db").exists(), "derived from what is gone"


def test_a_folder_in_use_is_refused(archive, tmp_path):
    with DataFolder(tmp_path / "new"), pytest.raises(DataFolderBusy):
        restore(archive, tmp_path / "new", force=True)


def test_a_full_disk_is_told_before_anything_is_written(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 10}))
    with pytest.raises(StorageFull, match="nothing was changed"):
        restore(archive, tmp_path / "new")
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["steadyrag.lock"]


def change_manifest(**values):
    def change(contents):
        manifest = json.loads(contents["manifest.json"]) | values
        return contents | {"manifest.json": json.dumps(manifest).encode()}

    return change


DAMAGES = {
    "a changed file": (lambda c: c | {"format.json": b'{"format": 7}'}, "format.json is not what was backed up"),
    "a missing file": (lambda c: {n: d for n, d in c.items() if n != "catalog.db"}, "catalog.db is not what was"),
    "a file too many": (lambda c: {"more": b"", **c}, "more is not what was backed up"),
    "no manifest": (lambda c: {n: d for n, d in c.items() if n != "manifest.json"}, "has no manifest"),
    "an unreadable manifest": (lambda c: c | {"manifest.json": b"{"}, "manifest cannot be read"),
    "a manifest of another shape": (lambda c: c | {"manifest.json": b"[]"}, "manifest cannot be read"),
    "another format": (change_manifest(format=99), "has format 99, this version reads 1"),
    "another kind": (change_manifest(kind="else"), "has format"),
    "a way out": (lambda c: {"../evil": b"x", **c}, "no steadyrag backup: it holds '../evil'"),
    "an absolute way out": (lambda c: {"/evil": b"x", **c}, "no steadyrag backup: it holds '/evil'"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_no_whole_archive_is_refused_and_nothing_touched(archive, tmp_path, damage, told):
    write(tmp_path / "bad.tar", damage(members(archive)))
    with pytest.raises(ConfigError, match=told):
        restore(tmp_path / "bad.tar", tmp_path / "new", force=True)
    assert not (tmp_path / "new").exists()
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_an_archive_that_was_cut_off_is_refused(archive, tmp_path, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ConfigError, match=r"backup|damaged"):
        restore(archive, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_flipped_bit_is_found_wherever_it_is(archive):
    data = bytearray(archive.read_bytes())
    content = data.index(b"oneone")
    for position in (700, content, content + 150_000, data.index(b'"kind"') + 2):
        data[position] ^= 1
        archive.write_bytes(data)
        with pytest.raises(ConfigError):
            check(archive)
        data[position] ^= 1


@pytest.mark.parametrize("other", [b"", b"some text", b"\0" * 20_480])
def test_another_file_is_told_as_such(tmp_path, other):
    (tmp_path / "b").write_bytes(other)
    with pytest.raises(ConfigError, match="no steadyrag backup"):
        check(tmp_path / "b")


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        check(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be read"):
        check(tmp_path)


def test_a_link_in_an_archive_is_refused(tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w") as opened:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    with pytest.raises(ConfigError, match="it holds 'link'"):
        check(tmp_path / "b.tar")


def test_kill_9_in_the_middle_leaves_the_old_data(archive, tmp_path):
    other = tmp_path / "other"
    fill(other, "two")
    before = content(other)
    program = f"""
import os, signal
from pathlib import Path
from rag.storage import backup
backup._exchange = lambda one, other: os.kill(os.getpid(), signal.SIGKILL)
backup.restore(Path({str(archive)!r}), Path(sys.argv[1]), force=True)
"""
    run_until_killed(program, other)
    assert content(other) == before
    restore(archive, other, force=True)
    assert content(other) == ONE
