import gzip

import pytest

from evals.errors import CannotMeasure
from evals.load.textfile import open_text


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_reads_plain_and_gzipped(tmp_path, name):
    data = "é\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    with open_text(tmp_path / name) as file:
        assert file.read() == "é\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("missing.txt", None),
        ("latin.txt", "é".encode("latin-1")),
        ("plain.gz", b"no gzip"),
        ("cut.gz", gzip.compress(b"x" * 9)[:-4]),
        ("bits.gz", gzip.compress(b"x" * 9)[:12] + b"\xff" * 9),
    ],
)
def test_names_the_file_it_cannot_read(tmp_path, name, data):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CannotMeasure, match=name), open_text(tmp_path / name) as file:
        file.read()
