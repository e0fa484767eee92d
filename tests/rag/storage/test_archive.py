import hashlib
import os
import subprocess
import tarfile

import pytest

from rag.storage.archive import CHUNK, PAGE, Entry, add, opened, read

MIB = 1 << 20
#: Too long for a plain header, and not of its characters.
NAME = f"index/{'very-' * 30}tief/ü"
#: Length, and what is written at which offset.
SHAPES = {
    "empty": (0, {}),
    "short": (5, {0: b"hello"}),
    "full": (3 * MIB + 7, {0: os.urandom(3 * MIB + 7)}),
    "a hole alone": (3 * MIB, {}),
    "a hole at the end": (5 * MIB, {0: b"begin"}),
    "a hole at the beginning": (5 * MIB, {5 * MIB - 3: b"end"}),
    "holes between": (9 * MIB + 1, {3 * MIB: b"x" * 20_000, 6 * MIB + 17: b"y", 8 * MIB: b"z"}),
    "as long as a log": (32 * MIB, {0: b"l" * 700}),
}


@pytest.fixture(params=SHAPES)
def file(request, tmp_path):
    """A file with holes."""
    length, parts = SHAPES[request.param]
    path = tmp_path / "file"
    with path.open("wb") as out:
        out.truncate(length)
        for offset, data in parts.items():
            out.seek(offset)
            out.write(data)
    return path


@pytest.fixture
def archive(file, tmp_path):
    """An archive with the file between two others; gives what was told of it, too."""
    beside = tmp_path / "beside"
    beside.write_bytes(b"beside")
    path = tmp_path / "archive.tar"
    with path.open("wb") as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "before", beside)
        told = add(tar, NAME, file)
        add(tar, "after", beside)
    return path, told


def on_disk(path):
    return path.stat().st_blocks * 512


def test_a_file_is_told_whole(file, archive):
    content = file.read_bytes()
    assert archive[1] == Entry(len(content), hashlib.sha256(content).hexdigest())


def test_only_what_is_written_travels(file, archive):
    assert archive[0].stat().st_size <= on_disk(file) + 32 * 1024


def test_what_is_read_is_what_was_there_and_takes_no_more_of_the_disk(file, archive, tmp_path):
    back = tmp_path / "back"
    with tarfile.open(archive[0]) as tar, back.open("wb") as out:
        assert tar.getnames() == ["before", NAME, "after"]
        assert read(tar.extractfile(NAME), out) == archive[1]
        assert read(tar.extractfile("after")).size == 6
    assert back.read_bytes() == file.read_bytes()
    assert on_disk(back) <= on_disk(file)


def test_the_command_tar_reads_it(file, archive, tmp_path):
    subprocess.run(["tar", "-C", tmp_path, "-xf", archive[0]], check=True)
    out = tmp_path / NAME
    assert out.read_bytes() == file.read_bytes()
    assert on_disk(out) <= on_disk(file)


def test_zeros_that_were_written_do_not_travel(tmp_path):
    (tmp_path / "zeros").write_bytes(b"begin" + bytes(3 * MIB) + b"end")
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "zeros", tmp_path / "zeros")
    assert (tmp_path / "a.tar").stat().st_size < 32 * 1024


def test_zeros_that_were_written_become_a_hole(tmp_path):
    (tmp_path / "zeros").write_bytes(bytes(CHUNK + PAGE) + b"end")
    with (tmp_path / "zeros").open("rb") as source, (tmp_path / "copy").open("wb") as out:
        read(source, out)
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "zeros").read_bytes()
    assert on_disk(tmp_path / "copy") <= PAGE


def test_a_file_that_was_cut_short_meanwhile_is_told(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"a" * MIB)
    pieces = iter([b"a" * MIB, b""])
    monkeypatch.setattr(os, "pread", lambda *_: next(pieces))
    with (tmp_path / "a.tar").open("wb") as out, pytest.raises(OSError, match="unexpected end of data"):
        add(tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT), "file", file)  # noqa: SIM115 - cannot close


def test_how_much_was_read_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"a" * 3 * MIB)
    done = []
    with opened(tmp_path / "file", done.append) as file:
        assert file.read(10) == b"a" * 10
        assert file.read(2 * MIB) == b"a" * 2 * MIB
    assert 2 * MIB + 10 <= sum(done) < 3 * MIB
