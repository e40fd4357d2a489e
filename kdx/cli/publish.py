"""Put a report where people keep their own files: what kdx wrote before is replaced, anything else never is."""

import io
import time
import zipfile
from contextlib import closing

from kdx.cli.spreadsheet import MADE_BY
from kdx.errors import GateClosed
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import Expected, Metadata, NotFound, Remote
from kdx.remotes.whole import read_whole
from kdx.report import paper

MOST = 64 << 20
"""Bytes: no report of kdx is larger, so that a file that is larger is not read to learn whose it is."""


class ForeignFile(GateClosed):
    """Where the report should go lies a file that kdx did not write."""

    message = N_("{place}: {name} is there already and was not written by kdx.")
    advice = N_("Move it away, or choose another folder; kdx replaces only its own reports.")


def publish(place: Place, files: dict[str, bytes]) -> None:
    """Write files (name -> bytes) into a place; all of them, or none where one of the names is taken by others."""
    with closing(place.open(hurried=True)) as remote:
        expected = {name: _expected(remote, name) for name in files}
        for name, content in files.items():
            remote.write(name, [content], len(content), Metadata(time.time_ns()), expected[name])


def _expected(remote: Remote, name: str) -> Expected:
    """Return what lies under a name: nothing, or our own. ForeignFile for anything else."""
    try:
        entry, content = read_whole(remote, name, MOST) if remote.stat(name).kind == "file" else (None, None)
    except NotFound:
        return Expected.ABSENT
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
