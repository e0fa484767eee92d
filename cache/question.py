"""A question as the vetoes see it: content terms with their roles, numbers, names, what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cache import numerals
from cache.lexicon import Lexicon, english
from cache.wording import function_classes, light_words, names, tokens, unknown_words

_KIND_WORDS = {
    "how_to": "how",
    "how": "how",
    "how_many": "count",
    "how_much": "amount",
    "what": "what",
    "which": "what",
    "who": "who",
    "whom": "who",
    "whose": "who",
    "when": "when",
    "where": "where",
    "why": "why",
}
#: Prepositions that put their noun at the same end of a relation.
_SAME_ROLE = {"into": "to", "onto": "to", "toward": "to", "towards": "to", "upon": "on", "via": "by"}

#: What may follow a particle that belongs to a verb before it ("sign me up for").
_AFTER_PARTICLE = frozenset(("", "for", "on", "in", "with", "when", "if", "before", "after", "and", "at", "during"))
#: Prepositions that stand before a noun rather than behind a verb.
_NO_PARTICLES = frozenset(("of", "to", "for", "with", "at"))


@dataclass(frozen=True, slots=True)
class Term:
    """A word that carries the topic.

    Attributes:
        lemma: base form in lower case; the words of a phrase are joined by "_".
        surface: as it is written, in lower case.
        role: the preposition it stands under, "of" for a possessive, "" for none.
        name: it is written as a name: capital letter, acronym, code.
        light: one of two questions may have it alone without asking something else.
        wh_noun: it says what kind of thing is asked for, as "city" in "which city".
    """

    lemma: str
    surface: str = ""
    role: str = ""
    name: bool = False
    light: bool = False
    wh_noun: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A question, read once; comparing two is cheap.

    Attributes:
        text: as it was asked.
        terms: content words in order.
        numbers: normalised numbers and quantities in order, as "2021", "100 g of mass", "1st".
        function: function words by class, as "negation" -> ("not",).
        kinds: what is asked for: what, who, when, where, why, how, count, amount, yes-no; empty for a statement.
        sentences: number of sentences.
        wording: its words in lower case without frames and marks; equal for two that differ in nothing else.
        unknown: words in lower case that are in no list.
    """

    text: str
    terms: tuple[Term, ...]
    numbers: tuple[str, ...]
    function: dict[str, tuple[str, ...]] = field(hash=False)
    kinds: frozenset[str]
    sentences: int
    wording: str
    unknown: frozenset[str]

    def words(self, name: str) -> tuple[str, ...]:
        """The question's function words of a class, in order."""
        return self.function.get(name, ())


def parse(question: str) -> Parsed:
    """Read a question. English is understood; of another language, words and numbers are compared as they are."""
    return _Reader(english(), question).read()


class _Reader:
    """One pass over the tokens of a question."""

    def __init__(self, lexicon: Lexicon, question: str) -> None:
        self._lexicon = lexicon
        self._question = question
        self._names = names(question)
        self._tokens = tokens(question)
        self._wording = " ".join(text for kind, text in self._tokens if kind != "end")
        self._terms: list[Term] = []
        self._numbers: list[str] = []
        self._function: dict[str, list[str]] = {}
        self._kinds: set[str] = set()
        self._sentences = 1
        self._role = ""
        self._stranded = ""
        self._opening = True
        self._wh: int | None = None

    def read(self) -> Parsed:
        place = 0
        while place < len(self._tokens):
            place += self._take(place)
        self._strand()
        return Parsed(
            self._question,
            tuple(self._terms),
            tuple(self._numbers),
            {name: tuple(words) for name, words in self._function.items()},
            frozenset(self._kinds),
            self._sentences,
            self._wording,
            unknown_words(self._question),
        )

    def _take(self, place: int) -> int:
        """Take in what stands at `place`; gives back how many tokens that was."""
        kind, text = self._tokens[place]
        if kind == "end":
            self._end(place)
        elif kind == "possessive":
            self._possess()
        elif kind == "number":
            return self._number(place, text)
        elif kind == "unit":
            return self._unit_first(place, text)
        elif (length := self._phrase(place)) or (length := self._number_word(place, text)):
            return length
        else:
            self._word(text)
        return 1

    def _end(self, place: int) -> None:
        self._strand()
        if place + 1 < len(self._tokens):
            self._sentences += 1
        self._role, self._opening, self._wh = "", True, None

    def _strand(self) -> None:
        """A preposition that nothing follows asks for something ("what is it for")."""
        if self._stranded:
            self._add(self._stranded)

    def _possess(self) -> None:
        if self._terms:
            self._terms[-1] = replace(self._terms[-1], role="of")

    def _number(self, place: int, text: str) -> int:
        """A number, with the scale and the unit or the ending of a rank that follow it."""
        self._opening, self._stranded = False, ""
        value, taken = numerals.number(text), 1
        following = self._text(place + 1)
        if following in numerals.ORDINAL_ENDINGS:
            self._numbers.append(numerals.ordinal(value))
            return 2
        if (scaled := numerals.scaled(value, following)) is not None:
            value, taken = scaled, 2
            following = self._text(place + 2)
        unit = numerals.unit(following)
        self._numbers.append(value if unit is None else numerals.quantity(value, unit))
        return taken if unit is None else taken + 1

    def _unit_first(self, place: int, text: str) -> int:
        """A sign before its number ($5), or alone."""
        unit = numerals.unit(text)
        if unit is not None and place + 1 < len(self._tokens) and self._tokens[place + 1][0] == "number":
            taken = self._number(place + 1, self._text(place + 1))
            self._numbers[-1] = numerals.quantity(self._numbers[-1], unit)
            return 1 + taken
        self._add(unit.name if unit else text, name=True)
        return 1

    def _number_word(self, place: int, word: str) -> int:
        """A number in letters; Roman ones only where they are written in capitals."""
        if rank := numerals.ordinal_word(word):
            self._numbers.append(numerals.ordinal(rank))
            return 1
        digits = numerals.cardinal_word(word) or (numerals.roman(word) if word in self._names else None)
        return self._number(place, digits) if digits else 0

    def _phrase(self, place: int) -> int:
        """A phrase of the lexicon that begins here; a particle may stand up to three words behind its verb."""
        first, phrases = self._text(place), self._lexicon.phrases
        for words in phrases.get(first) or phrases.get(self._lexicon.lemma(first), ()):
            if all(self._is(word, self._text(place + i)) for i, word in enumerate(words)):
                self._add("_".join(words))
                self._role = _role(words[-1])
                return len(words)
            if len(words) == 2 and (at := self._particle(place, words[1])):
                self._add("_".join(words))
                del self._tokens[at]
                return 1
        return 0

    def _is(self, word: str, text: str) -> bool:
        return text == word or self._lexicon.lemma(text) == word

    def _particle(self, place: int, particle: str) -> int:
        """Where the particle of the verb at `place` stands, or 0."""
        if not _role(particle) or particle in _NO_PARTICLES:
            return 0
        for at in range(place + 2, min(place + 5, len(self._tokens))):
            kind, text = self._tokens[at]
            if kind == "end":
                return 0
            if text == particle and (self._text(at + 1) in _AFTER_PARTICLE or self._tokens[at + 1][0] == "end"):
                return at
        return 0

    def _word(self, word: str) -> None:
        if word in self._names and not (self._opening and word in _KIND_WORDS):
            self._add(self._lexicon.lemma(word), word, name=True)
        elif word in _KIND_WORDS and (self._opening or not self._kinds or self._role):
            self._kinds.add(_KIND_WORDS[word])
            self._opening, self._wh = False, len(self._terms) if word in ("what", "which") else None
        elif classes := function_classes().get(word):
            self._function_word(word, classes)
        else:
            unit = numerals.unit(word) if len(word) > 1 else None
            measured = unit is not None and unit.dimension != "time"
            self._add(unit.name if unit and measured else self._lexicon.lemma(word), word, name=len(word) == 1)

    def _function_word(self, word: str, classes: tuple[str, ...]) -> None:
        for name in classes:
            self._function.setdefault(name, []).append(word)
        verb = any(name.startswith(("auxiliary", "modal")) for name in classes)
        if self._opening and verb:
            self._kinds.add("yes-no")
        if verb and self._wh is not None and len(self._terms) == self._wh + 1:
            self._terms[-1] = replace(self._terms[-1], wh_noun=True)
        self._wh = None
        self._opening = self._opening and ("filler" in classes or "preposition" in classes)
        self._stranded = _role(word)
        self._role = self._stranded or self._role

    def _add(self, lemma: str, surface: str = "", *, name: bool = False) -> None:
        light = lemma in light_words() and not name
        self._terms.append(Term(lemma, surface or lemma, self._role, name, light))
        self._opening, self._stranded = False, ""
        if self._role not in ("and", "or"):
            self._role = ""

    def _text(self, place: int) -> str:
        """The token there; "" behind the last one."""
        return self._tokens[place][1] if place < len(self._tokens) else ""


def _role(word: str) -> str:
    return _SAME_ROLE.get(word, word) if "preposition" in function_classes().get(word, ()) else ""
