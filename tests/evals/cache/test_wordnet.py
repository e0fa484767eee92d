"""The reader against database files in small, in the format of wndb(5WN)."""

import pytest

from evals.cache.wordnet import WordNet, irregular, main

NOUN = """  1 This software and database is being provided to you
00000010 06 n 02 shop 0 store 0 002 ~ 00000020 n 0000 + 00000030 v 0101 | where goods are sold
00000020 18 n 01 shopper 0 001 + 00000030 v 0101 | somebody who shops
"""
VERB = """00000030 41 v 01 shop 0 002 + 00000010 n 0101 + 00000020 n 0101 01 + 02 00 | do one's shopping
"""
ADJ = """00000040 00 a 01 hot(p) 0 001 ! 00000050 a 0101 | used of physical heat
00000050 00 a 01 cold 0 001 ! 00000040 a 0101 | having a low temperature
00000060 00 s 02 icy 0 gelid 0 001 & 00000050 a 0000 | as cold as ice
"""


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "wordnet"
    source.mkdir()
    files = {"data.noun": NOUN, "data.verb": VERB, "data.adj": ADJ, "data.adv": ""}
    files |= {
        "noun.exc": "children child\nshopfuls shopful\n",
        "verb.exc": "shopped shop\n",
        "adj.exc": "",
        "adv.exc": "",
    }
    files["cntlist.rev"] = (
        "shop%1:06:00:: 1 9\nstore%1:06:00:: 1 4\nshop%2:41:00:: 1 9\nhot%3:00:00:: 1 5\nicy%5:00:00:cold:00 1 2\n"
    )
    for name, text in files.items():
        (source / name).write_text(text)
    return source


def test_relations_of_words(folder):
    wordnet = WordNet(folder)
    assert set(wordnet.synonyms()) == {("shop", "store"), ("icy", "gelid")}
    assert set(wordnet.antonyms()) == {("cold", "hot")}
    assert wordnet.vocabulary() == {"shop", "store", "hot", "icy"}


def test_a_word_for_a_person_is_not_of_the_family(folder):
    assert not any("shopper" in pair for pair in WordNet(folder).families())


def test_irregular_forms_of_known_words_only(folder):
    assert set(irregular(folder, {"shop"})) == {("shopped", "shop")}


def test_the_files_are_sorted(folder, tmp_path):
    main(folder, tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "hot\nicy\nshop\nstore\n"
    assert (tmp_path / "wordnet_synonyms.txt").read_text() == "icy gelid\nshop store\n"
    assert (tmp_path / "wordnet_antonyms.txt").read_text() == "cold hot\n"
