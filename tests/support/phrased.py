"""Questions by rule: easy and hard ones of many forms."""

import random
from itertools import product

#: {thing} is asked about, {n} and {m} are numbers.
FORMS = (
    "Who was the first to build a {thing}?",
    "When did the {thing} open?",
    "How tall is the {thing} in metres?",
    "Which city is the {thing} in?",
    "What colour is the {thing}?",
    "Explain step by step why the {thing} costs {n} times more than it did {m} years ago.",
    "If {n} of the {thing} are sold at {m} each and half of them come back, how much is left?",
    "Which statement about the {thing} is false?\nA. It is {n} years old.\nB. It is {m}.\nC. Both.\nD. None.",
    "Prove that the mass of the {thing} is not divisible by {n}.",
    "Write a function in Python that returns the {n} largest of the {thing}.",
    "Why is the {thing} not as popular as it was {n} years ago?",
    "Compare the {thing} with its predecessor, and say what the difference of {n} percent means.",
    "What is the capital of the country with the oldest {thing}?",
    "How many of the {thing} do {n} people need, if each takes {m} and a third is lost?",
    "Is the {thing} larger than a house?",
    "Summarise what is known of the {thing}.",
)
KINDS = ("old", "electric", "royal", "tiny", "northern")
THINGS = (
    "tower bridge reef engine president museum station theorem enzyme contract bakery violin glacier comet vaccine "
    "treaty orchard satellite parliament turbine novel castle fossil magnet harbour cathedral pension battery lens "
    "algorithm desert festival muscle carpet tunnel archive opera rocket mineral market"
)
NUMBERS = (3, 7, 12, 25, 40)


def questions():
    """Two halves of all questions, dealt at random: to calibrate with, and to ask."""
    rng = random.Random(0)
    made = [
        form.format(thing=f"{kind} {thing}", n=rng.choice(NUMBERS), m=rng.choice(NUMBERS))
        for form, kind, thing in product(FORMS, KINDS, THINGS.split())
    ]
    rng.shuffle(made)
    return made[::2], made[1::2]
