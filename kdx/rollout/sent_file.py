"""A file somebody sent, read once: its bytes, their SHA-256, its text. Judges nothing and opens no workbook."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kdx.language import N_
from kdx.rollout.entry import FileUnread
from kdx.rollout.grid import REPORT, FileUnclear, Grid, Limits, decode, grid_of_csv

ReadSheet = Callable[[bytes, str], Grid]
"""Bytes of an xlsx file and its name -> cells."""
WORKBOOK = "xlsx"


@dataclass(frozen=True, slots=True)
class SentFile:
    """What came, and what the ledger keeps of it."""

    name: str
    sha256: str
    encoding: str
    """Of its text, or WORKBOOK."""
    raw: bytes
    text: str
    """Empty where it is a workbook."""


def read_sent_file(path: Path, limits: Limits = REPORT) -> SentFile:
    """Return a file that was named. FileUnread, or FileUnclear where it is too large or no text that is known."""
    try:
        if path.stat().st_size > limits.bytes:
            raise FileUnclear(file=path, why=N_("it is larger than any such report"))
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnread(path=path, why=error.strerror) from error
    is_workbook = raw.startswith(b"PK\x03\x04") or path.suffix.lower() in (".xlsx", ".xlsm")
    text, encoding = ("", WORKBOOK) if is_workbook else decode(raw, path.name)
    return SentFile(path.name, hashlib.sha256(raw).hexdigest(), encoding, raw, text)


def grid_of(sent: SentFile, read_sheet: ReadSheet) -> Grid:
    """Return the cells of its table. FileUnclear where it holds none."""
    return read_sheet(sent.raw, sent.name) if sent.encoding == WORKBOOK else grid_of_csv(sent.text, sent.name)
