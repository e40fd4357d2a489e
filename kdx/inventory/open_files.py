"""Which documents somebody has open, told by the owner files that Office and Access put beside them. Pure.

Word writes `~$` over the first letters of a long name and before a short one; Excel and PowerPoint write it before
the whole name; Access keeps NAME.laccdb beside NAME.accdb. A crash leaves such files behind: open is a suspicion, the
time of the owner file tells how old.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from kdx.remotes.interface import Entry
from kdx.remotes.office_owner import PREFIX, WORD, covered

ACCESS_LOCKS = {".laccdb": ".accdb", ".ldb": ".mdb"}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One owner file, and the documents beside it that it may belong to (paths; more than one where it is unclear)."""

    owner_file: Entry
    documents: tuple[str, ...]


def open_files(read: Callable[[], Iterable[Entry]]) -> list[OpenFile]:
    """Given a way to read a share's entries (twice), return the documents that are open, in order of path."""
    owners = [entry for entry in read() if entry.kind == "file" and is_owner_file(_name(entry.path))]
    siblings: dict[str, list[str]] = {_folder(entry.path): [] for entry in owners}
    for entry in read() if owners else ():
        if entry.kind == "file" and (found := siblings.get(_folder(entry.path))) is not None:
            found.append(_name(entry.path))
    return [OpenFile(entry, _documents(entry.path, siblings)) for entry in owners]


def _documents(owner_file: str, siblings: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    folder = _folder(owner_file)
    return tuple(_join(folder, name) for name in locked_by(_name(owner_file), siblings[folder]))


def is_owner_file(name: str) -> bool:
    """Whether a name is one that Office or Access gives to a file that says: this document is open."""
    return name.startswith(PREFIX) or _ending(name) in ACCESS_LOCKS


def locked_by(owner_file: str, names: Collection[str]) -> list[str]:
    """Given an owner file's name and the names beside it, return which of them it may belong to, sorted."""
    if not owner_file.startswith(PREFIX):
        stem, ending = owner_file[: -len(_ending(owner_file))], ACCESS_LOCKS[_ending(owner_file)]
        return sorted(name for name in names if name.lower() == (stem + ending).lower())
    rest = owner_file.removeprefix(PREFIX).lower()
    documents = [name for name in names if not is_owner_file(name)]
    whole = [name for name in documents if name.lower() == rest]
    if whole or not rest.endswith(WORD):
        return whole
    return sorted(name for name in documents if name[covered(name) :].lower() == rest)


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2].lower() if "." in name else ""


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
