from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from router.backends.extractive import WITHOUT_EMBEDDER, ExtractiveBackend, ExtractiveConfig
from router.backends.question import stems_of, words_of
from router.ports import ChatBackend
from router.types import Chunk, Excerpt, Prompt, Sampling, TokenUsage
from tests.contracts.chat_backend import EXCERPTS, ChatBackendContract, collect, text_of

SQUAD = Path(__file__).parents[4] / "shared/data/retrieval/squad"
REFUSAL = ExtractiveConfig().not_found


class WordEmbedder:
    """Unit vectors of the words' hashes: texts that share words lie close. Keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], float]] = []

    async def __call__(self, texts: Sequence[str], timeout_s: float) -> npt.NDArray[np.float32]:
        self.calls.append((list(texts), timeout_s))
        vectors = np.full((len(texts), 256), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for stem in stems_of(words_of(text)):
                vectors[row, zlib.crc32(stem.encode()) % 256] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


async def no_embedder(texts: Sequence[str], timeout_s: float) -> npt.NDArray[np.float32]:
    raise ConnectionError


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def ask(question: str, *texts: str, title: str = "", sampling: Sampling | None = None) -> Prompt:
    excerpts = tuple(Excerpt(f"[{number}]", title, text) for number, text in enumerate(texts, 1))
    return Prompt((), question, excerpts, sampling or Sampling())


async def answer(prompt: Prompt, backend: ExtractiveBackend | None = None) -> tuple[str, Chunk]:
    """The whole text and the last chunk."""
    chunks = await collect(backend or ExtractiveBackend(WordEmbedder(), count_words), prompt)
    return text_of(chunks), chunks[-1]


class TestContract(ChatBackendContract):
    @pytest.fixture
    def backend(self) -> ChatBackend:
        return ExtractiveBackend(WordEmbedder(), count_words)


async def test_the_answer_is_a_sentence_with_its_source() -> None:
    text, last = await answer(Prompt((), "How high is the Eiffel Tower?", EXCERPTS))
    assert text == "The Eiffel Tower is 324 metres high. [1]"
    assert last.answered is True
    assert last.finish_reason == "stop"


async def test_each_sentence_is_a_chunk_of_its_own() -> None:
    prompt = ask("Who built the bridge?", "Roebling built the bridge.", "The bridge was built by Ammann.")
    chunks = await collect(ExtractiveBackend(WordEmbedder(), count_words), prompt)
    assert [chunk.text for chunk in chunks] == [
        "Roebling built the bridge. [1]",
        " The bridge was built by Ammann. [2]",
    ]
    assert [chunk.finish_reason for chunk in chunks] == [None, "stop"]


async def test_markers_are_taken_as_they_are() -> None:
    prompt = Prompt((), "What is a shard?", (Excerpt("[doc-7]", "", "A shard is a part of an index."),))
    assert (await answer(prompt))[0] == "A shard is a part of an index. [doc-7]"


async def test_footnote_marks_in_a_text_do_not_cite() -> None:
    prompt = ask("When was the tower built?", "The tower was built in 1889.[2] It rusts.", "Rain falls.")
    assert (await answer(prompt))[0] == "The tower was built in 1889. [1]"


async def test_the_meaning_decides_between_sentences_that_the_words_do_not_tell_apart() -> None:
    async def embed(texts: Sequence[str], timeout_s: float) -> npt.NDArray[np.float32]:
        alike = np.array([[0.8, 0.6] if "flush" in text else [0.3, 0.954] for text in texts[1:]])
        return np.vstack([[1.0, 0.0], alike]).astype(np.float32)

    prompt = ask("How is the cache emptied?", "The cache is fast here. The cache is flushed here.")
    assert (await answer(prompt, ExtractiveBackend(embed, count_words)))[0].startswith("The cache is flushed")


@pytest.mark.parametrize("embed", [WordEmbedder(), no_embedder])
@pytest.mark.parametrize(
    "question",
    [
        "What is the airspeed of an unladen swallow?",
        "asdf qwer",
        "hello",
        "Hi there!",
        "thanks",
        "How are you?",
        "",
        "Who won the world cup in 2018?",
    ],
)
async def test_what_the_excerpts_do_not_answer_is_refused(question: str, embed: WordEmbedder) -> None:
    texts = (
        "The semantic cache is looked up first. A hit is replayed as JSON or SSE.",
        "Retrieval runs BM25 and dense search in parallel over 4 shards, then fuses the ranks.",
        "## Breakers\n\n- closed\n- open\n- half-open\n\nA breaker that is open lets nothing through.",
    )
    text, last = await answer(ask(question, *texts), ExtractiveBackend(embed, count_words))
    assert text == REFUSAL
    assert last.answered is False
    assert last.finish_reason == "stop"


@pytest.mark.parametrize("texts", [(), ("",), ("", " \n")])
async def test_without_evidence_nothing_is_answered(texts: tuple[str, ...]) -> None:
    text, last = await answer(ask("How high is the Eiffel Tower?", *texts))
    assert (text, last.answered) == (REFUSAL, False)


async def test_small_talk_costs_no_embedding() -> None:
    embedder = WordEmbedder()
    await answer(Prompt((), "How are you?", EXCERPTS), ExtractiveBackend(embedder, count_words))
    assert embedder.calls == []


async def test_only_contenders_are_embedded_together_with_the_question() -> None:
    embedder = WordEmbedder()
    facts = " ".join(f"The tower of Pisa has fact number {i}." for i in range(20))
    prompt = ask("Which facts has the tower of Pisa?", facts, "Bread is baked. Rain falls.")
    async for _ in ExtractiveBackend(embedder, count_words).stream(prompt, timeout_s=0.2):
        pass
    ((texts, timeout_s),) = embedder.calls
    assert texts[0] == prompt.question
    assert 1 < len(texts) <= 1 + ExtractiveConfig().max_compared
    assert all("Pisa" in text for text in texts)
    assert timeout_s == 0.2


async def test_of_a_very_long_sentence_only_the_beginning_is_embedded() -> None:
    embedder = WordEmbedder()
    await answer(ask("What is sharding?", "Sharding " + "splits " * 1000), ExtractiveBackend(embedder, count_words))
    assert [len(text) <= 240 for text in embedder.calls[0][0]] == [True, True]


async def test_the_embedder_gets_no_more_than_its_share_of_a_long_time_limit() -> None:
    embedder = WordEmbedder()
    await answer(Prompt((), "How high is the Eiffel Tower?", EXCERPTS), ExtractiveBackend(embedder, count_words))
    assert embedder.calls[0][1] == ExtractiveConfig().embed_timeout_s


async def test_without_the_embedder_the_words_decide(caplog: pytest.LogCaptureFixture) -> None:
    prompt = Prompt((), "How high is the Eiffel Tower?", EXCERPTS)
    with caplog.at_level("INFO"):
        text, last = await answer(prompt, ExtractiveBackend(no_embedder, count_words))
    assert text == "The Eiffel Tower is 324 metres high. [1]"
    assert last.answered is True
    assert last.degraded == (WITHOUT_EMBEDDER,)
    assert "ConnectionError" in caplog.text
    assert "Eiffel" not in caplog.text


async def test_with_the_embedder_nothing_was_done_without() -> None:
    prompt = Prompt((), "How high is the Eiffel Tower?", EXCERPTS)
    assert (await answer(prompt, ExtractiveBackend(WordEmbedder(), count_words)))[1].degraded == ()


async def test_an_overlong_answer_is_cut_at_the_word_limit() -> None:
    sentence = "The Eiffel Tower is high " + "and high " * 60 + "indeed."
    text, _ = await answer(ask("How high is the Eiffel Tower?", sentence))
    assert len(text.split()) == 60
    assert text.endswith("high… [1]")


async def test_at_most_three_sources_in_sixty_words() -> None:
    texts = [f"The tower has {number} steps, says source {number}." for number in range(8)]
    text, _ = await answer(ask("How many steps has the tower?", *texts))
    assert len(set(re.findall(r"\[\d\]", text))) == 3
    assert len(text.split()) <= 60


@pytest.mark.parametrize(("max_tokens", "text"), [(3, "The Eiffel Tower"), (1, "The"), (0, "")])
async def test_max_tokens_cuts_between_words(max_tokens: int, text: str) -> None:
    prompt = Prompt((), "How high is the Eiffel Tower?", EXCERPTS, Sampling(max_tokens=max_tokens))
    cut, last = await answer(prompt)
    assert cut == text
    assert (last.finish_reason, last.answered) == ("length", True)
    assert last.usage is not None
    assert last.usage.completion_tokens == max_tokens


async def test_max_tokens_keeps_the_sentences_before_the_cut() -> None:
    texts = ("Roebling built the bridge.", "The bridge was built by Ammann.")
    chunks = await collect(
        ExtractiveBackend(WordEmbedder(), count_words),
        ask("Who built the bridge?", *texts, sampling=Sampling(max_tokens=7)),
    )
    assert [chunk.text for chunk in chunks] == ["Roebling built the bridge. [1]", " The bridge"]


async def test_an_answer_of_just_max_tokens_is_whole() -> None:
    prompt = Prompt((), "How high is the Eiffel Tower?", EXCERPTS, Sampling(max_tokens=8))
    assert (await answer(prompt))[1].finish_reason == "stop"


async def test_usage_counts_the_question_and_the_excerpts() -> None:
    excerpts = (EXCERPTS[0], Excerpt("[2]", "", "Not counted yet."))
    _, last = await answer(Prompt((), "How high is the Eiffel Tower?", excerpts))
    assert last.usage == TokenUsage(prompt_tokens=6 + 20 + 3, completion_tokens=8)


async def test_the_same_prompt_gets_the_same_answer() -> None:
    prompt = ask("What is cached?", "Answers are cached. Vectors are cached.", "Cached answers expire.")
    assert await answer(prompt) == await answer(prompt)


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("semantic cache threshold", "It starts fast. The semantic cache threshold is 0.9.", "The semantic cache"),
        ("sharding", "It starts fast. Sharding spreads a collection over machines.", "Sharding spreads"),
        ("How do I stop it?", "# Run\n\nCall `make run`.\n\n# Stop\n\n- Press Ctrl-C to stop it", "Press Ctrl-C"),
        ("How do I install it?", "Install it with:\n\n```\npip install steadyrag\n```", "Install it with"),
        ("Wie hoch ist der Eiffelturm?", "Paris ist schön. Der Eiffelturm ist 330 Meter hoch.", "Der Eiffelturm"),
        ("埃菲尔铁塔有多高？", "巴黎很美。埃菲尔铁塔高三百三十米。", "埃菲尔铁塔高"),
        ("Какова высота башни?", "Париж красив. Высота башни 330 метров.", "Высота башни"),
        ("Eiffel height", "330 m: Eiffel height", "330 m"),
    ],
)
async def test_all_kinds_of_text(question: str, text: str, expected: str) -> None:
    found, last = await answer(ask(question, text))
    assert last.answered is True
    assert found.startswith(expected)
    assert found.endswith("[1]")


def squad_prompts(count: int) -> list[tuple[Prompt, list[str], str]]:
    """Questions with their passage among four others of its article, the gold answers and the passage's marker."""
    with gzip.open(SQUAD / "corpus.jsonl.gz", "rt") as lines:
        articles: dict[str, dict[str, str]] = {}
        for document in map(json.loads, lines):
            articles.setdefault(document["title"], {})[document["_id"]] = document["text"]
    title_of = {key: title for title, passages in articles.items() for key in passages}
    questions = {row["_id"]: row for row in map(json.loads, (SQUAD / "queries.jsonl").read_text().splitlines())}
    prompts = []
    for line in (SQUAD / "qrels/test.tsv").read_text().splitlines()[1 :: 712 // count]:
        query, gold, _ = line.split("\t")
        title = title_of[gold]
        others = [key for key in articles[title] if key != gold][:4]
        place = zlib.crc32(query.encode()) % (len(others) + 1)
        keys = [*others[:place], gold, *others[place:]]
        excerpts = tuple(Excerpt(f"[{n}]", title, articles[title][key]) for n, key in enumerate(keys, 1))
        answers = questions[query]["metadata"]["answers"]
        prompts.append((Prompt((), questions[query]["text"], excerpts), answers, f"[{place + 1}]"))
    return prompts


@pytest.mark.skipif(not SQUAD.is_dir(), reason="the SQuAD sample is not there")
async def test_it_finds_answers_in_squad_by_words_alone() -> None:
    """The passages come in random order here, so the rank helps nothing; with retrieval the figures are higher."""
    backend = ExtractiveBackend(no_embedder, count_words)
    prompts = squad_prompts(100)
    right = cited = 0
    for prompt, answers, marker in prompts:
        text, _ = await answer(prompt, backend)
        right += any(gold.lower() in text.lower() for gold in answers)
        cited += marker in text
    assert right / len(prompts) >= 0.72
    assert cited / len(prompts) >= 0.86


async def test_an_example_that_repeats_the_question_is_no_answer() -> None:
    asked = "How many shards does the dense index have?"
    example = f'curl -d \'{{"content": "{asked}"}}\' http://127.0.0.1:8000/v1'
    text, _ = await answer(ask(asked, example, "The dense index is four Qdrant shards in the process."))
    assert "four Qdrant shards" in text
    assert "curl" not in text


async def test_keywords_may_stand_in_the_answer_as_they_are() -> None:
    text, _ = await answer(ask("dense index shard count default", "The dense index shard count default is four."))
    assert "four" in text
