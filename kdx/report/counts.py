"""Numbers with what they count, as they stand inside a sentence."""

from kdx.language import ngettext


def schools(count: int) -> str:
    """Return so many schools."""
    return ngettext("{count} school", "{count} schools", count).format(count=f"{count:,}")


def shares(count: int) -> str:
    """Return so many shares."""
    return ngettext("{count} share", "{count} shares", count).format(count=f"{count:,}")


def hours(count: int) -> str:
    """Return so many hours."""
    return ngettext("{count} hour", "{count} hours", count).format(count=f"{count:,}")


def rows(count: int) -> str:
    """Return so many rows."""
    return ngettext("{count} row", "{count} rows", count).format(count=f"{count:,}")
