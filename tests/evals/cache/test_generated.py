import random

from cache.alignment import align
from cache.question import parse
from cache.veto import conflicts
from evals.cache.generated import generated_pairs, light_rephrasings, topics, typo


def test_every_topic_has_slots_and_phrasings():
    for topic in topics():
        assert len(topic) >= 2
        assert all(len(phrasings) >= 2 for meanings in topic.values() for phrasings in meanings)
        assert not any("{" in text for meanings in topic.values() for phrasings in meanings for text in phrasings)


def test_the_same_seed_gives_the_same_pairs_of_both_labels():
    pairs = generated_pairs(0)
    assert pairs == generated_pairs(0)
    assert pairs != generated_pairs(1)
    assert {pair.same for pair in pairs} == {True, False}
    assert all(pair.a != pair.b for pair in pairs if not pair.same)


def test_no_neighbour_passes_the_vetoes():
    passed = [p for p in generated_pairs(0) if not p.same and not conflicts(align(parse(p.a), parse(p.b)))]
    assert not passed


def test_light_rephrasings_pass_the_vetoes():
    pairs = [p for p in generated_pairs(0) if p.same and p.kind not in ("", "phrasing")]
    passed = [p for p in pairs if not conflicts(align(parse(p.b), parse(p.a)))]
    assert len(passed) > 0.95 * len(pairs)


def test_a_light_rephrasing_of_each_kind():
    changed = light_rephrasings("Which planets have rings?", random.Random(0))
    assert changed["case"] == "which planets have rings"
    assert changed["politeness"] == "Could you please tell me: which planets have rings?"
    assert sorted(changed["typo"]) == sorted("Which planets have rings?")
    assert changed["typo"] != "Which planets have rings?"


def test_a_question_without_a_long_word_has_no_typo():
    assert typo("Who am I?", random.Random(0)) == "Who am I?"
