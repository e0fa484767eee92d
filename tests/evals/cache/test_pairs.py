import gzip
import json

import numpy as np
import pytest

from evals.cache.pairs import LabelledPair, embed_alone, half_of, read_pairs
from evals.errors import CannotMeasure


def test_plain_and_gzipped_files_are_read_in_order(tmp_path):
    rows = [{"a": "A?", "b": "B?", "label": 1, "kind": "paraphrase"}, {"a": "C?", "b": "D?", "label": 0}]
    plain, packed = tmp_path / "p.jsonl", tmp_path / "p.jsonl.gz"
    plain.write_text(json.dumps(rows[0]) + "\n\n")
    packed.write_bytes(gzip.compress(json.dumps(rows[1]).encode()))
    assert read_pairs([plain, packed]) == [
        LabelledPair("A?", "B?", True, "paraphrase"),
        LabelledPair("C?", "D?", False),
    ]


@pytest.mark.parametrize(
    "line", ["{", "[]", '"a"', '{"a": "A"}', '{"a": "A", "b": 1, "label": 1}', '{"a": "A", "b": "B", "label": 2}']
)
def test_a_line_that_is_no_pair_is_named(tmp_path, line):
    path = tmp_path / "p.jsonl"
    path.write_text('{"a": "A", "b": "B", "label": 1}\n' + line + "\n")
    with pytest.raises(CannotMeasure, match=r"p\.jsonl:2"):
        read_pairs([path])


def test_no_pairs_and_no_file(tmp_path):
    (tmp_path / "empty").write_text("")
    with pytest.raises(CannotMeasure, match="no pairs"):
        read_pairs([tmp_path / "empty"])
    with pytest.raises(CannotMeasure, match="absent"):
        read_pairs([tmp_path / "absent"])


def test_the_halves_are_the_whole_and_share_nothing():
    pairs = [LabelledPair(f"{n}?", "B?", True) for n in range(200)]
    first, second = half_of(pairs, 1), half_of(pairs, 2)
    assert sorted([*first, *second], key=pairs.index) == pairs
    assert abs(len(first) - len(second)) < 60
    assert half_of(reversed(pairs), 1) == first[::-1]


def test_a_vector_does_not_depend_on_the_company_of_its_text(model):
    texts = ["Who sings?", "What is the boiling point of nitrogen at sea level in degrees Celsius?", "Who sings?"]
    seen = []
    vectors = embed_alone(model, texts, lambda done, total: seen.append((done, total)))
    assert np.array_equal(vectors[0], vectors[2])
    assert np.array_equal(vectors[1], model.encode([texts[1]])[0])
    assert seen == [(1, 3), (2, 3), (3, 3)]
