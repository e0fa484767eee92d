import gzip

import numpy as np
import pytest

from evals.errors import CannotMeasure
from evals.routing.table import lay_out, read_outcomes


def test_files_are_read_plain_and_gzipped(outcomes, tmp_path):
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"prompt": "Why?", "small": 0, "large": 1}\n'))
    found = read_outcomes([outcomes, packed])
    assert (len(found), found[-1].source) == (401, "packed")


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\xfe"])
def test_what_holds_no_outcomes_is_refused(content, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(CannotMeasure):
        read_outcomes([path])


def test_each_question_has_its_row(outcomes, embedder, table):
    laid_out = lay_out(read_outcomes([outcomes]), embedder)
    np.testing.assert_array_equal(laid_out.vectors, table.vectors)
    np.testing.assert_array_equal(laid_out.quality, table.quality)
    np.testing.assert_array_equal(laid_out.found, table.found)
