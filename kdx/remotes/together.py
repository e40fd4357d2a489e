"""What a place offers besides where a request for each small file costs more than the file. No implementation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from kdx.remotes.interface import Expected, Metadata, Written


AT_ONCE = 4
"""How many files of one request are under way at once: waiting for a far service one by one takes longer."""


class Outgoing(NamedTuple):
    """A small file that is held whole and is to be written."""

    path: str
    data: bytes
    metadata: Metadata


@runtime_checkable
class Together(Protocol):
    """Small files written or read back many in one request.

    Neither call decides anything: whatever is not in an answer is asked for by itself, and that says why. Both raise
    Unreachable where nothing can be asked any more.
    """

    def write_together(self, files: Sequence[Outgoing], expected: Expected) -> Mapping[str, Written]:
        """Write files as write() would, and return those which are known to be there whole, by path."""
        ...

    def digests_together(self, files: Sequence[tuple[str, int]]) -> Mapping[str, bytes]:
        """Return the SHA-256 of every byte that is now read of files (path, size when last seen), by path.

        No promise of digest(): of a file that changes meanwhile it is the digest of no version. It proves a file only
        where it is the one that was expected.
        """
        ...
