"""Questions with the passages that BM25 finds for them: several about each paragraph, as users ask them."""

import gzip
import json
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

from rank_bm25 import BM25Okapi

from rag.pipeline.contextualize import StandaloneQuestion
from rag.pipeline.prompt import INSTRUCTIONS, build_prompt
from rag.types import Passage, ScoredPassage, Space
from router.types import Message, Prompt, Sampling

SPACE = Space("tenant", "default")
SQUAD = Path("../shared/data/retrieval/squad")
#: Conversations that go on in the first 3,000 prompts of the Mooncake trace: turns -> an eighth of how many have them.
MOONCAKE = {2: 46, 3: 15, 4: 5, 5: 3, 6: 2}
ONE_TOKEN = Sampling(max_tokens=1)


@dataclass(frozen=True)
class Asked:
    """A question, its passages, best first, and the turns before it."""

    question: str
    passages: tuple[ScoredPassage, ...]
    history: tuple[Message, ...] = ()

    def prompt(self, layout, *, salt):
        """As the service writes it."""
        question = StandaloneQuestion(self.question, self.question, standalone=True)
        messages = [*self.history, Message("user", self.question)]
        return build_prompt(question, messages, layout.arrange(SPACE, self.passages), ONE_TOKEN, salt=salt)

    def naive(self, *, salt):
        """The question before the passages, and these best first."""
        passages = "\n\n".join(f"[{n}] {each.passage.text}" for n, each in enumerate(self.passages, 1))
        messages = (Message("system", INSTRUCTIONS), Message("user", f"Question: {self.question}\n\n{passages}"))
        return Prompt(messages, self.question, (), ONE_TOKEN, cache_salt=salt)

    def next(self):
        """The next turn: about the same passages, after an answer that quotes one."""
        answer = self.passages[len(self.history) // 2 % len(self.passages)].passage.text[:400]
        turns = (Message("user", self.question), Message("assistant", answer))
        return replace(self, question=f"And what else, {self.question}", history=self.history + turns)


def has_squad(root):
    """Whether the set is there; the docs stand in for it."""
    return (root / SQUAD).is_dir()


def replay(root, *, top_k):
    """Questions with so many passages: of SQuAD, those about one paragraph together, or about the docs."""
    passages, questions = _squad(root / SQUAD) if has_squad(root) else _docs(root / "docs")
    index = BM25Okapi([_words(f"{each.title} {each.text}") for each in passages])

    def asked(question):
        scores = index.get_scores(_words(question))
        best = sorted(range(len(passages)), key=lambda n: -scores[n])[:top_k]
        return Asked(question, tuple(ScoredPassage(passages[n], float(scores[n])) for n in best))

    return [asked(question) for question in questions]


def continued(asked, seed=1):
    """Conversations about the passages of one question each, as long as those of the Mooncake trace, all at once."""
    chance = random.Random(seed)
    subjects = list({each.passages[0].passage.id: each for each in asked}.values())
    lengths = [length for length, many in MOONCAKE.items() for _ in range(many)]
    turns = dict(enumerate(chance.sample(subjects, len(lengths))))
    speakers = [number for number in turns for _ in range(lengths[number])]
    chance.shuffle(speakers)
    prompts = []
    for number in speakers:
        prompts.append(turns[number])
        turns[number] = turns[number].next()
    return prompts


def _squad(folder):
    rows = [line.split() for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    paragraph = {row[0]: next(part for part in row[1:] if "#" in part) for row in rows}
    articles = {name.partition("#")[0] for name in paragraph.values()}
    questions = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        corpus = [json.loads(line) for line in lines]
    passages = [
        Passage(each["_id"], article, int(number), each["text"], title=each["title"])
        for each in corpus
        for article, _, number in [each["_id"].partition("#")]
        if article in articles
    ]
    return passages, [each["text"] for each in questions]


def _docs(folder):
    passages, questions = [], []
    for page in sorted(folder.rglob("*.md")):
        texts = [text for text in page.read_text(encoding="utf-8").split("\n\n") if len(text) > 200]
        for n, text in enumerate(texts):
            passages.append(Passage(f"{page.name}#{n}", page.name, n, text[:1_500], title=page.stem))
            sentences = re.split(r"(?<=[.:;])\s", text)
            questions += [f"What is meant by this: {sentence}" for sentence in sentences[:4]]
    return passages, questions


def _words(text):
    return re.findall(r"\w+", text.lower())
