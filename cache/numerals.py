"""Numbers, ranks and quantities in one form each."""

from __future__ import annotations

from functools import cache

from cache.lexicon import Unit, english, lines

ORDINAL_ENDINGS = frozenset(("st", "nd", "rd", "th"))


def number(digits: str) -> str:
    """A number as it is compared: 2.0 is 2, but 3.10 is not 3.1, since versions differ by it."""
    return digits.rstrip(".,:/").removesuffix(".0")


def ordinal(digits: str) -> str:
    """A rank as it is compared."""
    return f"{digits}th"


def quantity(value: str, unit: Unit) -> str:
    """A number with its unit, in the base unit of the dimension to six digits: 1 kg is 1,000 g."""
    amount = _float(value)
    return f"{value} {unit.name}" if amount is None else f"{amount * unit.factor:.6g} {unit.dimension}"


def scaled(value: str, word: str) -> str | None:
    """The number times the scale that the next word names (5 million), or None."""
    scale, amount = _words("scale").get(word), _float(value)
    return None if scale is None or amount is None else f"{amount * float(scale):.12g}"


def unit(word: str) -> Unit | None:
    """The unit that the word or symbol names."""
    units = english().units
    return units.get(word) or units.get(english().lemma(word))


def cardinal_word(word: str) -> str | None:
    """The digits of a number word."""
    return _words("cardinal").get(word)


def ordinal_word(word: str) -> str | None:
    """The digits of a rank's word."""
    return _words("ordinal").get(word)


def roman(word: str) -> str | None:
    """The digits of a Roman numeral in lower case; those that are words or single letters are not taken for one."""
    return _words("roman").get(word)


@cache
def _words(kind: str) -> dict[str, str]:
    rows = (line.split() for line in lines("number_words.txt"))
    return {word: digits for found, word, digits in rows if found == kind}


def _float(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
