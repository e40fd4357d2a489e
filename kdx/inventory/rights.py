"""Texts of access rights, each kept once: an entry holds an id, the catalog one text for each id.

A share of a million entries has a few hundred different texts. An id is the beginning of the text's SHA-256, so that
several workers, and several scans, give the same text the same id without asking each other.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdx.state.journal import Journal, read_journal

ROOT = ""
"""Under this id the catalog keeps the text of the share's own folder, which has no row."""
ID_LETTERS = 16


def rights_id(text: str) -> str:
    """Return the id of a text, empty where there is none."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:ID_LETTERS] if text else ""


class RightsJournal:
    """Writes each text down when it is met first. One for each worker."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self._ids: dict[str, str] = {}

    def note(self, folder: str, text: str) -> str:
        """Keep the text of a folder ("" is the share's own) and return its id."""
        if not folder:
            self.note_root(text)
        known = self._ids.get(text)
        if known is None:
            known = self._ids[text] = rights_id(text)
            if text:
                self._write(known, text)
        return known

    def note_root(self, text: str) -> None:
        """Keep the text of the share's own folder; the last one counts."""
        if text:
            self._write(ROOT, text)

    def flush(self) -> None:
        """Hand everything written so far to the kernel."""
        self._journal.flush()

    def _write(self, number: str, text: str) -> None:
        self._journal.write_lines([json.dumps({"id": number, "text": text}) + "\n"])


def read_rights(journals: Iterable[Path]) -> Mapping[str, str]:
    """Return all texts by id."""
    return {str(row["id"]): str(row["text"]) for path in journals for row in read_journal(path)}
