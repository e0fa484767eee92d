"""Makes the WordNet part of `cache/data` (Fellbaum 1998) out of the database files of WordNet 3.0.

    python -m evals.cache.wordnet FOLDER OUT

FOLDER holds `data.noun`, `noun.exc`, `cntlist.rev` and their like, as in Debian's package wordnet-base; OUT takes
`vocabulary.txt`, `irregular.txt`, `wordnet_synonyms.txt`, `wordnet_families.txt` and `wordnet_antonyms.txt`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

POS = ("noun", "verb", "adj", "adv")
_TYPE_NUMBER = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}
_WORD = re.compile(r"[a-z]+")
#: Lexicographer file of nouns for people: a teacher is not teaching, a novelist no novel.
_PERSON = "18"
#: A word stands for a sense when at least this share of its tagged uses has it.
MIN_SHARE = 0.25
#: What an untagged sense counts, so that words without tags divide evenly.
_SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Synset:
    """Words of one meaning: part of speech, lexicographer file, (word, lexical id), (symbol, key, source, target)."""

    kind: str
    file: str
    words: tuple[tuple[str, str], ...]
    pointers: tuple[tuple[str, tuple[str, str], int, int], ...]


class WordNet:
    """Synsets by (part of speech, offset), and how often each word was tagged with each."""

    def __init__(self, folder: Path) -> None:
        self.synsets = {key: synset for pos in POS for key, synset in _read(folder / f"data.{pos}")}
        tags = dict(_tags(folder / "cntlist.rev"))
        self._uses = {
            (key, word): tags.get(self._sense_key(synset, word, lexical_id), 0)
            for key, synset in self.synsets.items()
            for word, lexical_id in synset.words
        }
        self.total: Counter[str] = Counter()
        for (_, word), uses in self._uses.items():
            self.total[word] += uses
        self._senses = Counter(word for _, word in self._uses)

    def share(self, key: tuple[str, str], word: str) -> float:
        """Share of the word's uses that have this sense, 0 to 1."""
        return (self._uses[key, word] + _SMOOTHING) / (self.total[word] + _SMOOTHING * self._senses[word])

    def synonyms(self) -> Iterator[tuple[str, ...]]:
        """Words that share a sense which is common for each of them; at least one is tagged with it."""
        for key, synset in self.synsets.items():
            group = tuple(w for w, _ in synset.words if _WORD.fullmatch(w) and self.share(key, w) >= MIN_SHARE)
            if len(group) > 1 and any(self._uses[key, word] for word in group):
                yield group

    def antonyms(self) -> Iterator[tuple[str, str]]:
        """Words that are each other's opposite; one of them is tagged in some text."""
        return (pair for _, pair, _ in self._lexical("!") if any(self.total[word] for word in pair))

    def families(self) -> Iterator[tuple[str, str]]:
        """Words derived from each other (long, length) in senses common for both; those for people are left out."""
        for keys, pair, files in self._lexical("+"):
            common = all(self.share(key, word) >= MIN_SHARE for key, word in zip(keys, pair, strict=True))
            if common and _PERSON not in files and any(self.total[word] for word in pair):
                yield pair

    def vocabulary(self) -> set[str]:
        """Single words that are tagged in some text."""
        return {word for word, uses in self.total.items() if uses and _WORD.fullmatch(word)}

    def _lexical(
        self, symbol: str
    ) -> Iterator[tuple[tuple[tuple[str, str], tuple[str, str]], tuple[str, str], tuple[str, str]]]:
        """Pointers between words: the keys of both synsets, the words, the lexicographer files."""
        for key, synset in self.synsets.items():
            for found, other_key, source, target in synset.pointers:
                if found != symbol or not source:
                    continue
                other = self.synsets[other_key]
                pair = synset.words[source - 1][0], other.words[target - 1][0]
                if all(map(_WORD.fullmatch, pair)) and pair[0] < pair[1]:
                    yield (key, other_key), pair, (synset.file, other.file)

    def _sense_key(self, synset: Synset, word: str, lexical_id: str) -> str:
        """As senseidx(5WN) describes it; a satellite adjective carries the head of its cluster."""
        head = ":"
        if synset.kind == "s":
            cluster = next(key for symbol, key, _, _ in synset.pointers if symbol == "&")
            first, number = self.synsets[cluster].words[0]
            head = f"{first}:{int(number, 16):02}"
        return f"{word}%{_TYPE_NUMBER[synset.kind]}:{synset.file}:{int(lexical_id, 16):02}:{head}"


def _read(path: Path) -> Iterator[tuple[tuple[str, str], Synset]]:
    """Synsets of one data file, as wndb(5WN) describes it."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence
            continue
        fields = line.partition(" | ")[0].split()
        kind, end = fields[2], 4 + 2 * int(fields[3], 16)
        words = tuple(zip(map(_plain, fields[4:end:2]), fields[5:end:2], strict=True))
        pointers = fields[end + 1 : end + 1 + 4 * int(fields[end])]
        yield (
            (_part(kind), fields[0]),
            Synset(
                kind,
                fields[1],
                words,
                tuple(
                    (symbol, (_part(part), offset), int(places[:2], 16), int(places[2:], 16))
                    for symbol, offset, part, places in zip(*(pointers[i::4] for i in range(4)), strict=True)
                ),
            ),
        )


def _plain(word: str) -> str:
    """The word without the mark of its place, as in `galore(ip)`."""
    return word.partition("(")[0].lower()


def _part(kind: str) -> str:
    return "a" if kind == "s" else kind


def _tags(path: Path) -> Iterator[tuple[str, int]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        sense, _, count = line.split()
        yield sense, int(count)


def irregular(folder: Path, vocabulary: set[str]) -> Iterator[tuple[str, str]]:
    """Inflected forms that no rule explains, with the word they belong to."""
    for pos in POS:
        for line in (folder / f"{pos}.exc").read_text(encoding="utf-8").splitlines():
            form, lemma, *_ = line.split()
            if lemma in vocabulary and _WORD.fullmatch(form) and form != lemma:
                yield form, lemma


def main(folder: Path, out: Path) -> None:
    """Write the files."""
    wordnet = WordNet(folder)
    synonyms = set(wordnet.synonyms())
    vocabulary = wordnet.vocabulary()
    _write(out / "vocabulary.txt", ((word,) for word in vocabulary))
    _write(out / "irregular.txt", irregular(folder, vocabulary))
    _write(out / "wordnet_synonyms.txt", synonyms)
    _write(out / "wordnet_families.txt", wordnet.families())
    _write(out / "wordnet_antonyms.txt", wordnet.antonyms())


def _write(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    path.write_text("".join(sorted({" ".join(row) + "\n" for row in rows})), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
