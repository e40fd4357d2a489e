"""Is the old share really read-only? Two looks at its names, and a write that must be refused.

A refusal alone may only mean that kdx's own account never had the right to write. It counts as proof where the same
account was let in before: that is why a rehearsal tries the same write, and must see it accepted.
"""

from contextlib import closing
from datetime import datetime
from enum import StrEnum

from kdx.errors import UsageMistake
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import Expected, Kind, Metadata, NotFound, PlaceRefused, ReadFailed

NAME = "~$kdx-canary.txt"
"""Named like an owner file of Office: what is moved and what is compared leaves it out by the usual rule."""
TEXT = "kdx: この共有に書き込めるかを確かめた印です。消してもかまいません。\n".encode()


class Canary(StrEnum):
    """What a write into the canary folder met."""

    NOT_ASKED = "not asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class CanaryFolderUnfit(UsageMistake):
    """What was named as a canary folder is not a folder inside the share."""

    message = N_("{folder!r} is not a folder in the share {share}.")
    advice = N_("Make an empty folder there for this, such as kdx-canary, and name it: --canary kdx-canary")


def try_to_write(place: Place, folder: str | None, share: str, now: datetime) -> Canary:
    """Write one small file into `folder` of the share, and say what came of it. Writes nothing where none is named.

    The folder must be there: that it can be seen shows that a refusal is one of writing. The file is always the same
    one and stays. What is neither an answer of yes nor of no raises (Unreachable).
    """
    if folder is None:
        return Canary.NOT_ASKED
    parts = folder.replace("\\", "/").strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise CanaryFolderUnfit(folder=folder, share=share)
    with closing(place.open()) as remote:
        try:
            # every part: a link on the way would lead out of the share
            kinds = {remote.stat("/".join(parts[: depth + 1])).kind for depth in range(len(parts))}
        except (NotFound, ReadFailed) as error:
            raise CanaryFolderUnfit(folder=folder, share=share) from error
        if kinds != {Kind.DIRECTORY}:
            raise CanaryFolderUnfit(folder=folder, share=share)
        stamp = Metadata(int(now.timestamp()) * 1_000_000_000)
        try:
            remote.write("/".join((*parts, NAME)), (TEXT,), len(TEXT), stamp, Expected.ANY)
        except PlaceRefused:
            return Canary.REFUSED
    return Canary.ACCEPTED
