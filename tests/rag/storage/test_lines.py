import stat

from rag.storage.lines import LineFile


async def test_lines_are_added_for_the_owner_alone(tmp_path):
    path = tmp_path / "lines.jsonl"
    assert await LineFile(path, 100).append(b"one\n")
    assert await LineFile(path, 100).append(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_full_file_takes_no_more_but_what_still_fits(tmp_path):
    file = LineFile(tmp_path / "lines.jsonl", 8)
    assert await file.append(b"four\n")
    assert not await file.append(b"four\n")
    assert await file.append(b"ab\n")
    assert (tmp_path / "lines.jsonl").read_bytes() == b"four\nab\n"
