"""Is this share still itself, or is it not mounted? Pure; a source is never believed to be empty without being asked.

The difference between a share whose files were deleted and one whose disk is not mounted cannot be seen from here. The
price of asking once too often is one flag; the price of believing an empty folder is a catalog that says "all gone".
"""

from dataclasses import dataclass

from kdx.errors import GateClosed
from kdx.language import N_

SHRUNK_RATIO = 0.5
"""Fewer than this part of the files of the last catalog is not ordinary work. Clearing out one 年度 of the five years
that 学校教育法施行規則28条 keeps takes about a fifth; half a share gone is a folder that is not mounted."""
SHRUNK_FILES = 20
"""A loss of fewer files than this is ordinary work even in a nearly empty share."""


class SourceShrunk(GateClosed):
    """The share is empty, or holds far less than last time; it is probably not mounted."""

    message = N_("The share {share} holds {now} files; the last catalog has {before}.")
    advice = N_(
        "Check that it is mounted. If the files are really gone, run kdx inventory scan again with --accept-smaller."
    )


class SourceEmpty(SourceShrunk):
    """There is nothing at all where the share should be."""

    message = N_("The share {share} is empty.")


@dataclass(frozen=True, slots=True)
class Shrinking:
    """What the guard weighs: numbers of files in the last catalog (None where there is none) and now."""

    before: int | None
    now: int
    entries: int
    """Everything seen now, folders and links too."""


def has_shrunk(seen: Shrinking) -> bool:
    """Whether a person must say that this is right: nothing at all there, or far fewer files than last time."""
    if seen.entries == 0:
        return True
    if seen.before is None:
        return False
    lost = seen.before - seen.now
    return (seen.now == 0 and lost > 0) or (lost >= SHRUNK_FILES and seen.now < seen.before * SHRUNK_RATIO)


def refuse_shrunk(share: str, seen: Shrinking) -> None:
    """Raise SourceEmpty or SourceShrunk where a person must say that this is right."""
    if has_shrunk(seen):
        if seen.entries == 0:
            raise SourceEmpty(share=share)
        raise SourceShrunk(share=share, now=seen.now, before=seen.before)
