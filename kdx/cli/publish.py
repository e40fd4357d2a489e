"""Put a report where people keep their own files: what kdx wrote before is replaced, anything else never is."""

import io
import time
import zipfile
from contextlib import closing

from kdx.cli.spreadsheet import MADE_BY
from kdx.errors import ExitCode, GateClosed, KdxError
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import Expected, Held, Metadata, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.whole import read_whole
from kdx.report import paper

MOST = 64 << 20
"""Bytes: no report of kdx is larger, so that a file that is larger is not read to learn whose it is."""


class ForeignFile(GateClosed):
    """Where the report should go lies a file that kdx did not write."""

    message = N_("{place}: {name} is there already and was not written by kdx.")
    advice = N_("Move it away, or choose another folder; kdx replaces only its own reports.")


class ReportHeld(KdxError):
    """A part of the report stayed as it was, because somebody reads it in a program that lets nobody replace it."""

    exit_code = ExitCode.INCOMPLETE
    message = N_("{place}: {names} could not be replaced: another program has it open, or it is write-protected.")
    advice = N_("Whoever has it open in Excel should close it there; then give the same command again.")


def publish(place: Place, files: dict[str, bytes]) -> None:
    """Write files (name -> bytes) into a place; none where one of the names is taken by others.

    ReportHeld names those that could not be replaced because they are open; the others are.
    """
    held = []
    with closing(place.open(hurried=True)) as remote:
        expected = {name: _expected(remote, name) for name in files}
        for name, expects in expected.items():
            try:
                if expects is None:
                    raise Held(name=name)
                remote.write(name, [files[name]], len(files[name]), Metadata(time.time_ns()), expects)
            except Held:
                held.append(name)
        if held:
            raise ReportHeld(place=remote.location, names=", ".join(held))


def _expected(remote: Remote, name: str) -> Expected | None:
    """Return what lies under a name: nothing, or our own; None where it is open and nobody may look. ForeignFile for
    anything else."""
    try:
        entry, content = read_whole(remote, name, MOST) if remote.stat(name).kind == "file" else (None, None)
    except NotFound:
        return Expected.ABSENT
    except ReadFailed as error:
        if error.reason == SkipReason.LOCKED:
            return None
        raise
    if entry is None or content is None or not is_own(content):
        raise ForeignFile(place=remote.location, name=name)
    return Expected.ANY


def is_own(content: bytes) -> bool:
    """Whether a page or workbook says that kdx wrote it."""
    if content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as book:
                return f"<dc:creator>{MADE_BY}</dc:creator>".encode() in book.read("docProps/core.xml")
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
            return False
    return paper.MADE_BY.encode() in content.partition(b"<title>")[0]
