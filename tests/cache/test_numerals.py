import pytest

from cache import numerals


@pytest.mark.parametrize(("digits", "expected"), [("2.0", "2"), ("3.10", "3.10"), ("5.", "5"), ("1/2", "1/2")])
def test_a_number_in_one_form(digits, expected):
    assert numerals.number(digits) == expected


def test_quantities_of_one_size_are_equal():
    kilo, gram, mile = (numerals.unit(name) for name in ("kg", "grams", "miles"))
    assert numerals.quantity("1.5", kilo) == numerals.quantity("1500", gram)
    assert numerals.quantity("1.5", kilo) != numerals.quantity("1.5", mile)


def test_a_number_that_is_none_keeps_its_unit():
    assert numerals.quantity("1/2", numerals.unit("mile")) == "1/2 mile"


@pytest.mark.parametrize(
    ("value", "word", "expected"), [("5", "million", "5000000"), ("5", "apples", None), ("1/2", "million", None)]
)
def test_scales(value, word, expected):
    assert numerals.scaled(value, word) == expected


def test_words_and_roman_numerals():
    assert (numerals.cardinal_word("twelve"), numerals.ordinal_word("third"), numerals.roman("iv")) == ("12", "3", "4")
    assert (numerals.cardinal_word("one"), numerals.ordinal_word("second"), numerals.roman("i")) == (None, None, None)
    assert numerals.ordinal("3") == "3th"
    assert numerals.unit("zorblax") is None
