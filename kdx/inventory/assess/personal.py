"""The rule on names that speak of personal data: flagged before they leave, for the school to decide."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kdx.inventory.assess.finding import Rule, Severity
from kdx.language import N_

PERSONAL = Rule("personal", Severity.DECIDE, N_("by its name it may hold personal data"))


class Word(NamedTuple):
    """A word that names of documents with personal data hold, and the class of information it stands for."""

    word: str
    information_class: str
    source: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one table; `version` is its date, `guideline` the edition its classes follow."""

    version: str
    guideline: str
    words: tuple[Word, ...]


class PersonalNames:
    """Finds the words of a vocabulary in names: longest first, whatever the width, composed or not."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        words: Sequence[Word] = sorted(vocabulary.words, key=lambda word: -len(word.word))
        self._by_text = {_plain(word.word): word for word in words}
        self._guideline = vocabulary.guideline
        self._any = re.compile("|".join(map(re.escape, self._by_text)) or "(?!)")

    def find(self, name: str) -> tuple[str, str] | None:
        """Return (detail, source) of the first word in a name, None where there is none."""
        if name.isascii():
            return None
        found = self._any.search(_plain(name))
        if not found:
            return None
        word = self._by_text[found[0]]
        return f"{word.word} ({self._guideline}: {word.information_class})", word.source


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
