"""Names in a vault (FORMAT.md, sections 1 and 2): objects, snapshots, times. Pure; opens nothing.

Whatever is read from a store passes through here, so that no name a stranger wrote is ever used as a path.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

FORMAT = 1
MIB = 1 << 20
SEGMENT_BYTES = 8 * MIB
"""Files of so many bytes are cut; smaller ones go into packs."""
PACK_BYTES = 64 * MIB
"""The most a pack or any other object may have: one upload, whole, with a checksum that can be compared."""
ABOUT = "kdx-vault.json"
BOARD = "board"
"""The unit of the board itself."""
PACKS, SEGMENTS, MANIFESTS = "packs", "segments", "manifests"
SEAL, REFERENCES, ACCEPTED, PRUNED = ".seal", ".refs.gz", ".accepted", ".pruned"

_ENDINGS = {PACKS: ".tar.zst", SEGMENTS: "", MANIFESTS: ".tsv.gz"}
_OBJECT = re.compile(
    r"packs/([0-9a-f]{2})/(\1[0-9a-f]{62})\.tar\.zst|segments/([0-9a-f]{2})/(\3[0-9a-f]{62})"
    r"|manifests/([0-9a-f]{2})/(\5[0-9a-f]{62})\.tsv\.gz"
)
_SNAPSHOT = re.compile(r"([0-9]{8}T[0-9]{6}Z)-([0-9]{6,12})")
_STAMP = "%Y%m%dT%H%M%SZ"


class SnapshotName(NamedTuple):
    """`<UTC>-<seq>`: when a snapshot's run began, and its place in the chain of its share."""

    started: datetime
    sequence: int

    def __str__(self) -> str:
        return f"{stamp(self.started)}-{self.sequence:06d}"

    @property
    def rank(self) -> tuple[int, datetime]:
        """What the newest one is found by: the highest sequence, whatever the clocks said."""
        return self.sequence, self.started


def stamp(moment: datetime) -> str:
    """Return an aware time as `20261123T130000Z`, whole seconds."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment_of(text: str) -> datetime:
    """Return the time a stamp names. ValueError where it is none."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)


def snapshot_name(text: str) -> SnapshotName:
    """Return the name of a snapshot as a noun. ValueError where the text is none, or not the only way to write it."""
    found = _SNAPSHOT.fullmatch(text)
    if not found:
        raise ValueError(text)
    name = SnapshotName(moment_of(found[1]), int(found[2]))
    if str(name) != text:
        raise ValueError(text)
    return name


def object_name(kind: str, digest: str) -> str:
    """Return where an object of this kind with this SHA-256 lies in its unit."""
    return f"{kind}/{digest[:2]}/{digest}{_ENDINGS[kind]}"


def digest_in(name: str) -> str:
    """Return the SHA-256 an object's name promises. ValueError where it is not the name of an object."""
    found = _OBJECT.fullmatch(name)
    if not found:
        raise ValueError(name)
    return found[2] or found[4] or found[6]


def is_content(name: str) -> bool:
    """Whether a name is that of a pack or a segment, where content of files may lie."""
    return not name.startswith(MANIFESTS) and _OBJECT.fullmatch(name) is not None


def unit_of(school: str) -> str:
    """Return the folder of a school's unit in the vault; that of the board for "-"."""
    return BOARD if school == "-" else f"schools/{school}"


def seals_folder(school: str, share: str) -> str:
    """Return the folder of a share's snapshots; those of the board lie directly in its unit."""
    return BOARD if school == "-" else f"schools/{school}/snapshots/{share}"
