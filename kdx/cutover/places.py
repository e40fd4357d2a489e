"""Where things went: from a path as teachers know it to the new place. Reads the plan once, whatever is asked.

A teacher knows `\\\\server\\share\\folder\\file` or `S:\\folder\\file`; of both only the end is a path in the share,
and where that begins nobody can tell but the plan. Capitals and the two ways to write が make no difference.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from kdx.errors import ExitCode, KdxError
from kdx.language import N_
from kdx.migration import Migration, NothingPlanned
from kdx.transfer.plan import AT_TARGET, Action
from kdx.transfer.rows import Item


class NeverSeen(KdxError):
    """A path was asked for that the last plan does not know."""

    exit_code = ExitCode.INCOMPLETE
    message = N_("The share {share} had nothing called {path} when it was last planned.")
    advice = N_("Look for a part of the name: kdx migrate plan {school} --list --filter path~PART")


def place_of(migration: Migration, item: Item) -> str:
    """Return the full name of an entry at the target."""
    return f"{migration.school.id}/{migration.share.name}/{item.target}"


def renamed(migration: Migration) -> Iterator[Item]:
    """Yield what has another name at the target than on the old server. NothingPlanned."""
    return (item for item in _plan(migration) if item.renamed and item.action in (*AT_TARGET, Action.CARRIED))


def where(migration: Migration, text: str) -> Item:
    """Return the entry that a path means, as a teacher wrote it. NeverSeen, NothingPlanned."""
    endings = endings_of(text)
    found = find(migration, endings)
    for ending in endings:
        if ending in found:
            return found[ending]
    raise NeverSeen(path=text, share=migration.share.name, school=migration.school.id)


def find(migration: Migration, wanted: Iterable[str]) -> Mapping[str, Item]:
    """Return the entries with these folded paths, by folded path."""
    names = frozenset(wanted)
    found: dict[str, Item] = {}
    for item in _plan(migration):
        key = folded(item.path)
        # what an earlier run left under another name is not where it is now
        if key in names and (key not in found or found[key].action == Action.EXTRA):
            found[key] = item
    return found


def endings_of(text: str) -> list[str]:
    r"""Given a path as people write it, return what it may be in the share, folded, the longest first.

    `\\fs\共有\a\b` may be 共有/a/b, a/b or b; `S:\a\b` may be a/b or b.
    """
    plain = text.strip().replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("//") and len(parts) > 1:
        parts = parts[1:]
    elif parts and len(parts[0]) == 2 and parts[0][1] == ":":
        parts = parts[1:]
    elif not plain.startswith("/"):
        # a path in the share, as kdx itself writes it
        return [folded("/".join(parts))]
    return [folded("/".join(parts[start:])) for start in range(len(parts))]


def folded(path: str) -> str:
    """Return a path as Windows compares names, composed: NFC, without capitals."""
    return unicodedata.normalize("NFC", path).casefold()


def _plan(migration: Migration) -> Iterator[Item]:
    if not migration.records.plan.exists():
        raise NothingPlanned(share=migration.share.name, target=migration.target.name, school=migration.school.id)
    return migration.records.planned()
