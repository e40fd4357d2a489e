"""What a school wrote into a decisions file, row by row, judged before anything is believed. Pure; reads no file.

Every mistake is told, each with its row; a file with one of them changes nothing.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kdx.inventory.assess.decisions import Decision
from kdx.language import N_, _, in_every_language

COLUMNS = {
    "id": N_("No."),
    "target": N_("Target"),
    "severity": N_("Severity"),
    "what": N_("What is the matter"),
    "detail": N_("Detail"),
    "path": N_("Path"),
    "decision": N_("Decision"),
    "name": N_("New name"),
    "office": N_("Office or section"),
    "reason": N_("Reason"),
    "source": N_("Source of the rule"),
}
"""Columns of a decisions file and their headings, in order."""
WORDS = {
    Decision.RENAME: N_("rename"),
    Decision.SKIP: N_("skip"),
    Decision.KEEP: N_("keep"),
    Decision.WAIT: N_("wait"),
}
NOT_NAMES = frozenset(("", ".", ".."))


class Written(NamedTuple):
    """One row of a file as it stands there, cells by column."""

    number: int
    cells: Mapping[str, str]

    def cell(self, column: str) -> str:
        """Return a cell without what surrounds it; empty where there is none."""
        return self.cells.get(column, "").strip()


class Answer(NamedTuple):
    """What one row says about one entry."""

    row: int
    decision: Decision
    name: str
    office: str
    reason: str
    path: str
    """As the row shows it: for people."""


@dataclass(slots=True)
class Answers:
    """What a file says: answers by id, how many rows are for other targets, and everything that is wrong."""

    given: dict[str, Answer] = field(default_factory=dict)
    elsewhere: int = 0
    mistakes: list[str] = field(default_factory=list)


def headings() -> dict[str, str]:
    """Return heading -> column, in every language kdx speaks."""
    return {
        _plain(heading): column for column, message in COLUMNS.items() for heading in in_every_language(message)
    }


def column_of_heading(text: str, known: Mapping[str, str]) -> str:
    """Return the column a heading means, empty where it means none."""
    return known.get(_plain(text), "")


def read_answers(rows: Iterable[Written], targets: frozenset[str]) -> Answers:
    """Given the rows of a file and the names the target goes by, return what they say."""
    words = {_plain(word): decision for decision, message in WORDS.items() for word in in_every_language(message)}
    words.update({_plain(decision): decision for decision in Decision})
    answers = Answers()
    for row in rows:
        if not any(cell.strip() for cell in row.cells.values()):
            continue
        if row.cell("target") and row.cell("target") not in targets:
            answers.elsewhere += 1
        elif row.cell("id"):
            _take(row, words, answers)
        elif any(row.cell(column) for column in ("decision", "path")):
            complain(answers, row.number, _("it has no number; was its cell merged with another?"))
    return answers


def _take(row: Written, words: Mapping[str, Decision], answers: Answers) -> None:
    key = row.cell("id").lower()
    word = row.cell("decision")
    if not word:
        return
    decision = words.get(_plain(word))
    if decision is None:
        known = ", ".join(_(message) for message in WORDS.values())
        text = _("{word!r} is no decision; write one of: {known}.")
        complain(answers, row.number, text.format(word=word, known=known))
        return
    name = row.cell("name") if decision == Decision.RENAME else ""
    if decision == Decision.RENAME and (why := _not_a_name(name)):
        complain(answers, row.number, why)
        return
    answer = Answer(row.number, decision, name, row.cell("office"), row.cell("reason"), row.cell("path"))
    before = answers.given.setdefault(key, answer)
    if (before.decision, before.name) != (decision, name):
        text = _("row {row} answers otherwise for the same entry: {word}.")
        complain(answers, row.number, text.format(row=before.row, word=_(WORDS[before.decision])))


def _not_a_name(name: str) -> str:
    if not name:
        return _("to rename, a new name is needed.")
    if "/" in name or name in NOT_NAMES:
        return _("{name!r} is not one plain name; it cannot hold / or be . or ..").format(name=name)
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return _("the new name holds a character that does not show.")
    return ""


def complain(answers: Answers, row: int, what: str) -> None:
    """Note that a row is wrong."""
    answers.mistakes.append(_("row {row}: {what}").format(row=row, what=what))


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
