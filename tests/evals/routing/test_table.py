import gzip
from dataclasses import replace

import numpy as np
import pytest

from evals.errors import CannotMeasure
from evals.routing.table import lay_out, read_outcomes
from router.outcomes import Measured


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


def test_a_question_without_its_text_is_taken_as_it_was_seen(outcomes, embedder, table):
    told = read_outcomes([outcomes])[:3]
    seen = Measured(embedder.info.model, tuple(map(float, table.vectors[1])), tuple(table.found[1]))
    laid_out = lay_out([told[0], replace(told[1], prompt="req_1", measured=seen), told[2]], embedder)
    np.testing.assert_allclose(laid_out.vectors, table.vectors[:3], atol=1e-6)
    np.testing.assert_array_equal(laid_out.found, table.found[:3])
    assert list(laid_out.questions) == [told[0].prompt, "req_1", told[2].prompt]


def test_vectors_of_another_model_are_refused(outcomes, embedder):
    told = replace(read_outcomes([outcomes])[0], measured=Measured("another", (1.0,), ()))
    with pytest.raises(CannotMeasure, match="vectors of another"):
        lay_out([told], embedder)
