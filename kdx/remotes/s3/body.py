"""The body of one request, sent from the pieces it is made of and signed with the SHA-256 that is known already.

botocore reads a body twice, to sign it and to send it, and takes bytes only in one piece: for 64 MiB a second copy and
a second SHA-256.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

Piece = bytes | memoryview
SIGNER = "kdx-s3v4"


class Body:
    """What http.client and botocore ask of a file. `pace` is told of every piece before it is sent."""

    def __init__(self, pieces: Sequence[Piece], sha256: str, pace: Callable[[int], None] | None) -> None:
        self.sha256 = sha256
        self._pieces = pieces
        self._starts = list(accumulate(map(len, pieces), initial=0))
        self._pace = pace
        self._at = 0

    def __len__(self) -> int:
        return self._starts[-1]

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset from the beginning (0), from here (1) or from the end (2): a failed request begins again."""
        self._at = offset + (0, self._at, len(self))[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size` where it is not negative."""
        end = len(self) if size < 0 else min(self._at + size, len(self))
        found: list[Piece] = []
        number = bisect_right(self._starts, self._at) - 1
        while self._at < end:
            start = self._at - self._starts[number]
            found.append(memoryview(self._pieces[number])[start : start + end - self._at])
            self._at += len(found[-1])
            number += 1
        data = b"".join(found)
        if self._pace and data:
            self._pace(len(data))
        return data


def sign_what_is_known(client: Any) -> None:
    """Let a client of botocore sign a Body with its SHA-256; everything else is signed as ever."""
    from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth

    class Signer(S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return request.body.sha256 if isinstance(request.body, Body) else str(super().payload(request))

    AUTH_TYPE_MAPS[SIGNER] = Signer
    client.meta.events.register_first("choose-signer.s3.PutObject", lambda **_given: SIGNER)
