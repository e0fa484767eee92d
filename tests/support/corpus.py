"""A few documents on subjects of their own, a question that they answer, and one that they do not."""

import json

from rag.types import Document

DOCUMENTS = (
    Document(
        "tower",
        "The Eiffel Tower is 330 metres tall. It was opened in Paris on 31 March 1889.",
        title="Eiffel Tower",
        url="https://example.org/tower",
        metadata={"language": "en", "year": 1889},
    ),
    Document(
        "reef",
        "The Great Barrier Reef lies off the coast of Queensland. It is composed of over 2,900 individual reefs.",
        title="Great Barrier Reef",
        metadata={"language": "en", "year": 1981},
    ),
    Document(
        "bread",
        "Sourdough bread rises by wild yeast and lactic acid bacteria. The dough ferments for twelve hours.",
        title="Sourdough",
        metadata={"language": "de", "year": 1981},
    ),
    Document(
        "guide/engine.md",
        "# Engine\n\nThe diesel engine was invented by Rudolf Diesel.\n\n## Cooling\n\nWater cools the cylinder head.",
        format="markdown",
    ),
)
QUESTION = "How tall is the Eiffel Tower?"
ANSWER = "330 metres"
UNANSWERABLE = "Who won the football world cup in 1998?"
WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "juniper",
    "kelp",
    "larch",
    "maple",
    "north",
    "orchid",
    "pine",
    "quartz",
]


def as_lines(documents):
    """The documents as JSON Lines."""
    return "".join(json.dumps(_record(document)) + "\n" for document in documents)


def _record(document):
    fields = {"_id": document.id, "title": document.title, "text": document.text, "format": document.format}
    return fields | {"metadata": dict(document.metadata)}


def generated(count, rng):
    """Short documents, some of several passages, some with equal text."""
    for number in range(count):
        sentences = (f"{' '.join(rng.choices(WORDS, k=8)).capitalize()}." for _ in range(40 if number % 17 == 0 else 1))
        text = "Every such document says the same." if number % 10 == 0 else " ".join(sentences)
        yield {"_id": f"d{number}", "title": f"Document {number}", "text": text}
