from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.errors import ConfigError, DataFolderBusy, DataFolderCorrupt, DependencyFailed, StorageFull
from rag.storage.folder import FORMAT, FORMAT_FILE, LOCK_FILE, DataFolder, Owner, current_owner
from tests.support.killed import ROOT

URL = "http://127.0.0.1:8123"
HOLD = """
import sys
from pathlib import Path
from rag.storage.folder import DataFolder
with DataFolder(Path(sys.argv[1])) as folder:
    folder.announce(sys.argv[2] if len(sys.argv) > 2 else None)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data"


@contextmanager
def held(path: Path, *url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until its standard input closes."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path, *url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_the_folder_is_made_with_all_above_it(path: Path) -> None:
    with DataFolder(path / "deep" / "down") as folder:
        assert folder.path.is_dir()


def test_another_process_is_named_with_where_it_serves(path: Path) -> None:
    with held(path, URL) as process, pytest.raises(DataFolderBusy) as refused:
        DataFolder(path)
    assert f"process {process.pid}, serving {URL}" in refused.value.message
    assert "STEADYRAG_DATA_DIR" in refused.value.message
    assert str(path) in refused.value.message


def test_another_process_that_does_not_serve_is_named_too(path: Path) -> None:
    with held(path) as process, pytest.raises(DataFolderBusy, match=f"in use by process {process.pid};"):
        DataFolder(path)


def test_a_refused_process_leaves_the_owner_as_it_was(path: Path) -> None:
    with held(path, URL) as process:
        for _ in range(2):
            with pytest.raises(DataFolderBusy):
                DataFolder(path)
        assert current_owner(path) == Owner(process.pid, URL)


def test_an_owner_without_words_is_refused_too(path: Path) -> None:
    with held(path, URL):
        (path / LOCK_FILE).write_text("")
        with pytest.raises(DataFolderBusy, match="in use by another process"):
            DataFolder(path)
        assert current_owner(path) == Owner(0, None)


def test_the_folder_is_free_after_kill_9(path: Path) -> None:
    with held(path, URL) as process:
        process.kill()
        process.wait()
        assert current_owner(path) is None
        with DataFolder(path):
            assert current_owner(path) == Owner(os.getpid(), None)


def test_the_folder_is_free_after_closing(path: Path) -> None:
    with held(path, URL) as process:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        DataFolder(path).close()
    assert current_owner(path) is None


def test_one_process_cannot_hold_it_twice(path: Path) -> None:
    with DataFolder(path), pytest.raises(DataFolderBusy, match=str(os.getpid())):
        DataFolder(path)


def test_what_is_announced_is_told(path: Path) -> None:
    with DataFolder(path) as folder:
        assert current_owner(path) == Owner(os.getpid(), None)
        folder.announce(URL + "/with/a/long/path")
        folder.announce(URL)
        assert current_owner(path) == Owner(os.getpid(), URL)
        folder.announce(None)
        assert current_owner(path) == Owner(os.getpid(), None)


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert current_owner(path) is None
    assert not path.exists()


FACTS: dict[str, str | int] = {"embedder": "all-MiniLM-L6-v2", "dimension": 384, "shards": 4}


def test_the_first_write_fixes_the_format(path: Path) -> None:
    with DataFolder(path) as folder:
        folder.check_format(**{**FACTS, "shards": 8})
    for _ in range(2):
        with DataFolder(path) as folder:
            folder.check_format(**FACTS)
            folder.before_write()
            folder.before_write()
    assert json.loads((path / FORMAT_FILE).read_text()) == {"format": FORMAT, **FACTS}
    assert sorted(file.name for file in path.iterdir()) == sorted([FORMAT_FILE, LOCK_FILE])


@pytest.mark.parametrize(("fact", "value"), [("embedder", "another-model"), ("dimension", 768), ("shards", 8)])
def test_a_foreign_fact_is_refused_with_both_values(path: Path, fact: str, value: str | int) -> None:
    with DataFolder(path) as folder:
        folder.check_format(**FACTS)
        folder.before_write()
        with pytest.raises(ConfigError) as refused:
            folder.check_format(**{**FACTS, fact: value})
    assert f"{fact}={FACTS[fact]!r}, configured is {value!r}" in refused.value.message
    assert not isinstance(refused.value, DataFolderCorrupt)


def test_another_format_is_refused(path: Path) -> None:
    with DataFolder(path) as folder:
        (path / FORMAT_FILE).write_text(json.dumps({"format": FORMAT + 1, **FACTS}))
        with pytest.raises(DataFolderCorrupt, match=f"format {FORMAT + 1}, this version reads {FORMAT}"):
            folder.check_format(**FACTS)


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"[1]", b"\xff\xfe", b"null"])
def test_an_unreadable_format_is_refused(path: Path, content: bytes) -> None:
    with DataFolder(path) as folder:
        (path / FORMAT_FILE).write_bytes(content)
        with pytest.raises(DataFolderCorrupt, match="restore a backup"):
            folder.check_format(**FACTS)


@pytest.fixture
def written(path: Path) -> Iterator[DataFolder]:
    """A folder in which data was begun."""
    with DataFolder(path) as folder:
        folder.before_write()
        yield folder


def test_a_part_of_the_data_must_be_there(written: DataFolder) -> None:
    file, part = written.path / "catalog.db", written.path / "index" / "shard-2"
    for missing in (file, part):
        with pytest.raises(DataFolderCorrupt, match=rf"{missing} is missing or empty.*restore a backup, or remove"):
            written.require(missing)
    file.touch()
    part.mkdir(parents=True)
    for empty in (file, part):
        with pytest.raises(DataFolderCorrupt, match="is missing or empty"):
            written.require(empty)
    file.write_text("x")
    (part / "x").touch()
    for there in (file, part):
        written.require(there)


def test_before_the_first_write_no_part_need_be_there(path: Path) -> None:
    with DataFolder(path) as folder:
        folder.require(path / "catalog.db")


def test_data_without_its_format_is_refused(path: Path) -> None:
    with DataFolder(path) as folder:
        with pytest.raises(DataFolderCorrupt, match=r"format\.json is missing, while .*catalog\.db holds data"):
            folder.require_format(path / "catalog.db")
        folder.before_write()
        folder.require_format(path / "catalog.db")


def test_a_write_that_is_refused_does_not_fix_the_format(path: Path) -> None:
    with DataFolder(path, min_free_bytes=1 << 60) as folder:
        with pytest.raises(StorageFull):
            folder.before_write()
        assert not folder.holds_data


def test_a_reserve_larger_than_the_disk_refuses_writes(path: Path) -> None:
    reserve = pytest.raises(StorageFull, match=f"the reserve is {1 << 40} MiB")
    with DataFolder(path, min_free_bytes=1 << 60) as folder, reserve:
        folder.ensure_space()


def test_a_reserve_that_is_there_allows_writes(path: Path) -> None:
    with DataFolder(path, min_free_bytes=shutil.disk_usage(path.parent).free // 2) as folder:
        folder.ensure_space()


def test_a_path_through_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot use the data folder .*Not a directory; set STEADYRAG_DATA_DIR"):
        DataFolder(tmp_path / "file" / "data")


def test_a_path_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="File exists"):
        DataFolder(tmp_path / "file")


@pytest.fixture
def small_disk(path: Path) -> Iterator[Path]:
    """A file system of 64 KB in the data folder's place."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (disk / "filling").write_bytes(b"x" * (1 << 20))


def test_a_read_only_disk_is_a_clear_error(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(ConfigError, match="Read-only file system"):
        DataFolder(small_disk)


def test_a_full_disk_is_a_clear_error_in_a_fresh_folder(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(ConfigError, match="No space left"):
        DataFolder(small_disk)


def test_a_full_disk_is_a_clear_error_where_the_format_is_written(small_disk: Path) -> None:
    with DataFolder(small_disk) as folder:
        folder.check_format(**FACTS)
        fill(small_disk)
        with pytest.raises(StorageFull, match=r"cannot write format\.json: No space left"):
            folder.before_write()
        (small_disk / "filling").unlink()
        folder.before_write()
    assert json.loads((small_disk / FORMAT_FILE).read_text()) == {"format": FORMAT, **FACTS}


def test_a_disk_that_became_read_only_refuses_the_first_write(small_disk: Path) -> None:
    folder = DataFolder(small_disk)
    folder.close()  # a disk with a file open for writing cannot be made read-only
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(DependencyFailed, match=r"cannot write format\.json: Read-only file system"):
        folder.before_write()


def test_a_full_disk_still_lets_a_folder_be_used(small_disk: Path) -> None:
    with DataFolder(small_disk) as folder:
        folder.announce(URL)
        folder.check_format(**FACTS)
        folder.before_write()
    fill(small_disk)
    with DataFolder(small_disk) as folder:
        folder.announce(URL)
        folder.check_format(**FACTS)
        folder.before_write()
        assert current_owner(small_disk) == Owner(os.getpid(), URL)


def test_a_folder_of_another_user_is_a_clear_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the read-only disk covers it")
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        DataFolder(tmp_path / "data")
