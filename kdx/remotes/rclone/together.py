"""Small files together: many sent by one run of rclone's own copy, many read back by one run of its hashsum.

A request for each costs rclone and Python more than a small file itself. What is copied is a folder of links to pieces
of memory, so that what was hashed is what is sent, whatever happens to the source meanwhile; names are the names of
links and lines of a file in memory, never words of a command.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from kdx.remotes.rclone.engine import Engine, Refused
from kdx.remotes.rclone.held import HELD, hold
from kdx.remotes.rclone.names import from_rclone, to_rclone
from kdx.remotes.rclone.root import Root
from kdx.remotes.together import AT_ONCE, Outgoing

MOST_FILES = 48
"""rclone tells of the last 100 transfers of a group: one for each file, and one more where it looks for it first."""
FEW = {"Transfers": AT_ONCE, "Checkers": AT_ONCE}
"""Several requests are under way besides, as many as does well (transfer/pace)."""
MIXED = {"CheckFirst": True, "OrderBy": "size"}
"""Files of several folders at once: WebDAV locks a folder for a moment while rclone looks for it before each file."""
LENIENT = {"IgnoreSize": True, "IgnoreChecksum": True}


class Sent(NamedTuple):
    """What became of files that went together; of those in neither set a piece may lie there."""

    whole: frozenset[str]
    untouched: frozenset[str]
    """Something else lay there already, and still does."""


def send_together(root: Root, files: Sequence[Outgoing], look: bool, altered: bool) -> Sent:
    """Send files that are held, each under its own name. Gone.

    With `look` rclone asks about each name first and leaves alone what lies there. `altered`: the service may change
    what it got, which rclone would take for a broken upload and delete.
    """
    engine, group = root.engine, f"kdx-{secrets.token_hex(8)}"
    asks = {"NoTraverse": True, "IgnoreExisting": True} if look else {"NoCheckDest": True}
    as_sent = LENIENT if altered else {}
    with _linked(engine.folder, files) as folder:
        # where it says that something failed, the list says what did not
        with suppress(Refused):
            engine.call(
                "sync/copy", srcFs=HELD + str(folder), dstFs=root.fs, _group=group,
                _config={**asks, **as_sent, **FEW, **MIXED, "NoUpdateDirModTime": True},
            )
        rows = _told(engine, group)
    sizes = {file.path: len(file.data) for file in files}
    sent = {_from_rclone(row["name"]): row for row in rows if not row["checked"]}
    whole = {path for path, row in sent.items() if not row["error"] and row["bytes"] == row["size"] == sizes.get(path)}
    seen_there = {_from_rclone(row["name"]) for row in rows if row["checked"] and not row["error"]}
    return Sent(frozenset(whole), frozenset(seen_there - sent.keys()))


def digests_together(root: Root, files: Sequence[tuple[str, int]]) -> Mapping[str, bytes]:
    """Return the SHA-256 of every byte rclone now reads of each of these files, as far as it could read them. Gone."""
    place = root.engine.folder / f"names-{secrets.token_hex(8)}"
    place.write_text("".join(f"{to_rclone(path)}\n" for path, _size in files), "utf-8")
    try:
        said = root.ask(
            "operations/hashsum", hashType="sha256", download=True, _filter={"FilesFromRaw": [str(place)]},
            # a folder that fills the list by itself may hold thousands more, that need not be listed each time
            _config={**FEW, "NoTraverse": len({_above(path) for path, _size in files}) == 1},
        )
    except Refused:
        return {}
    finally:
        place.unlink()
    return dict(_digests(said["hashsum"]))


def _digests(lines: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        digest, _spaces, path = line.partition("  ")
        # where it could not read a file it writes another word
        with suppress(ValueError):
            yield _from_rclone(path), bytes.fromhex(digest)


def _told(engine: Engine, group: str) -> Sequence[Mapping[str, Any]]:
    """Return what rclone tells of every file of a request."""
    try:
        rows: Sequence[Mapping[str, Any]] = engine.call("core/transferred", group=group)["transferred"]
        engine.call("core/stats-delete", group=group)
    except Refused:
        return ()
    return rows


@contextmanager
def _linked(parent: Path, files: Sequence[Outgoing]) -> Iterator[Path]:
    """Make a folder in which every file that is held lies under its path, as a link to memory."""
    folder = parent / f"send-{secrets.token_hex(8)}"
    folder.mkdir()
    descriptors: list[int] = []
    try:
        for file in files:
            # one that cannot be so named here is sent by itself
            with suppress(OSError):
                descriptors.append(hold(file.data, file.metadata.mtime_ns))
                _link(folder, file.path, descriptors[-1])
        yield folder
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def _link(folder: Path, path: str, descriptor: int) -> None:
    place, held = f"{folder}/{path}", f"/proc/{os.getpid()}/fd/{descriptor}"
    try:
        os.symlink(held, place)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(held, place)


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _from_rclone(path: str) -> str:
    return "/".join(map(from_rclone, path.split("/")))
