"""Try to write one small file into the canary folder of a share, and take it away again where that succeeded.

The folder must be there already: making it is the consent of whoever owns the share. Nothing else is ever touched.
"""

from contextlib import closing, suppress

from kdx.errors import KdxError
from kdx.remotes import Place
from kdx.remotes.dialogues import Raw
from kdx.remotes.interface import Expected, Kind, Metadata, NotFound, PlaceRefused, ReadFailed, Remote
from kdx.rollout.probe.checks.files import CANARY, NAME

TEXT = b"kdx rollout probe\n"


def try_to_write(place: Place, user: str) -> Raw:
    """Return outcome (written, refused, or why not tried), listed (yes where the folder was seen) and user."""
    with closing(place.open(hurried=True)) as remote:
        if not _is_there(remote):
            return {"outcome": "", "listed": "no", "user": user}
        return {"outcome": _write(remote), "listed": "yes", "user": user}


def _is_there(remote: Remote) -> bool:
    try:
        return remote.stat(CANARY).kind == Kind.DIRECTORY
    except (NotFound, ReadFailed):
        return False


def _write(remote: Remote) -> str:
    path = f"{CANARY}/{NAME}"
    try:
        remote.write(path, [TEXT], len(TEXT), Metadata(mtime_ns=0), Expected.ANY)
    except PlaceRefused:
        return "refused"
    except KdxError as error:
        return str(error)
    with suppress(KdxError):
        remote.delete(path)
    return "written"
