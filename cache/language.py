"""The language of a question, as far as its letters and function words tell; enough to keep languages apart."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from unicodedata import name

UNKNOWN = "?"

_WORD = re.compile(r"[^\W\d_]+")
#: The most frequent function words, without those that several of these languages share with another meaning.
_FUNCTION_WORDS = {
    "en": "the of and to is are was were what who how when where why which does do did can my for with from it that"
    " this i you has have had be been should would there many much long not between on at by or as if",
    "de": "der die das und ist sind war wie wer wann wo warum welche welcher welches kann ich mein meine nicht ein eine"
    " einen dem den des zu mit von für auf wird werden gibt es hat haben bei nach wenn oder kein lange viele viel",
    "fr": "le la les des du et est sont était comment qui quand où pourquoi quel quelle quels quelles peut je mon ma"
    " mes ne pas un une pour avec dans sur il elle est-ce que qu au aux combien ce cette ou a",
    "es": "el los las y es son era cómo quién cuándo dónde qué cuál cuáles puede puedo mi mis no un una para con en"
    " por se lo al del cuánto cuántos cuánta hay está están su o qual",
    "it": "il lo gli e è sono era come chi quando dove perché quale quali può posso mio mia non un uno una per con di"
    " nel nella della del che quanto quanti quanta ho ha si da al",
    "pt": "o os as e é são era como quem quando onde qual quais pode posso meu minha não um uma para com de em do da"
    " no na que quanto quantos há está dos das ao ou",
    "nl": "de het en is zijn was hoe wie wanneer waar waarom welke kan ik mijn niet een voor met van op wordt er heeft"
    " hebben naar wat hoeveel deze dit of geen te",
}


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Function word -> the languages that it speaks for."""
    found: dict[str, tuple[str, ...]] = {}
    for language, words in _FUNCTION_WORDS.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), language)
    return found


def language(question: str) -> str:
    """ISO 639-1 code for languages whose function words are known, else the script's name in small letters, else "?".

    A guess that differs between two questions costs a hit, never a wrong answer.
    """
    words = _WORD.findall(question.casefold())
    scripts = Counter(_script(word) for word in words)
    script = scripts.most_common(1)[0][0] if scripts else UNKNOWN
    if script != "latin":
        return script
    votes = Counter(language for word in words for language in _languages_of().get(word, ()))
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return script
    return ranked[0][0]


def _script(word: str) -> str:
    """As the Unicode name of the word's first letter says: latin, greek, cyrillic, cjk, ..."""
    return name(word[0], UNKNOWN).split()[0].lower()
