from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.sentences import sentence_spans, split_sentences

WHOLE = [
    "Dr. Smith met Mrs. Jones.",
    "He works for the U.S. Army in Washington.",
    "J. R. R. Tolkien wrote it.",
    "In 1926 Joseph P. Maxwell began.",
    "Small animals, e.g. Mice, i.e. rodents, are eaten.",
    "See Fig. 3 and No. 5, pp. 12, Vol. XI.",
    "Pi is 3.14 and e is 2.718.",
    "Spain vs. Italy was played on Jan. 5.",
    "He paused ... then went on.",
    "He paused . . . then went on.",
    '"Stop!" he said, and ran.',
    "Yahoo! is a company.",
    "Avicenna (d. 1169) was a follower.",
    "Warner Bros. Records and Acme Inc. Holdings merged.",
    "Open config.toml and https://example.org/a.b?c=d!e to see.",
    "A line that\nwraps softly.",
]

CUT = [
    ("One. Two.", ["One.", "Two."]),
    ("Really?! Yes! Good.", ["Really?!", "Yes!", "Good."]),
    ('He left. "She stayed." It ended.', ["He left.", '"She stayed."', "It ended."]),
    ("It rained (a lot.) We left.", ["It rained (a lot.)", "We left."]),
    ("He moved to the U.S. The army followed.", ["He moved to the U.S.", "The army followed."]),
    ("It has vitamin C. It is good.", ["It has vitamin C.", "It is good."]),
    ("He said no. Then he left.", ["He said no.", "Then he left."]),
    ("The cat sat. Dogs ran.", ["The cat sat.", "Dogs ran."]),
    ("It ended in 1999. 25 people came.", ["It ended in 1999.", "25 people came."]),
    (
        "It stood.[3] It fell.[citation needed] It rose.:63–64 It went.",
        ["It stood.[3]", "It fell.[citation needed]", "It rose.:63–64", "It went."],
    ),
    ("a wing . the results were good .", ["a wing .", "the results were good ."]),
    ("They wait... What now?", ["They wait...", "What now?"]),
    ("1. Mix well. 2. Bake.", ["1. Mix well.", "2. Bake."]),
    ("Steps:\n- one\n- two", ["Steps:", "- one", "- two"]),
    ("A heading\n\nA paragraph", ["A heading", "A paragraph"]),
    ("A heading\r\n\r\nA paragraph", ["A heading", "A paragraph"]),
    ("今天下雨。我们走吧！好吗？好。", ["今天下雨。", "我们走吧！", "好吗？", "好。"]),
    ("彼は「はい。」と言った。終わり。", ["彼は「はい。」", "と言った。", "終わり。"]),
    ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
    ("  padded.  \n", ["padded."]),
    ("", []),
    (" \n\n ", []),
]


@pytest.mark.parametrize("text", WHOLE)
def test_keeps_one_sentence_whole(text: str) -> None:
    assert split_sentences(text) == [text]


@pytest.mark.parametrize(("text", "sentences"), CUT)
def test_cuts_between_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet=st.sampled_from('aB1 .!?"()\n-。「」e.g[]:'), max_size=80) | st.text(max_size=80))
def test_spans_hold_every_character_once_and_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    assert all(text[a:b] == text[a:b].strip() for a, b in spans)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", [".", ". ", "a.", "\n", " \n", "[", ".[", "A. ", "。", '."', "e.g. "])
def test_hostile_repetition_stays_linear(unit: str) -> None:
    text = unit * 100_000
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
