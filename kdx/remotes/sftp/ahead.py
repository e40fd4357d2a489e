"""Small files that will be asked for next, fetched together when the first of them is."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from kdx.errors import KdxError
from kdx.remotes.sftp.files import TOGETHER, Whole

Fetch: TypeAlias = Callable[[Sequence[str]], Sequence[Whole | KdxError | None]]


class Ahead:
    """What was announced, what has come of it, and what is at hand to be read."""

    def __init__(self) -> None:
        self._expected: deque[str] = deque()
        self._came: dict[str, Whole] = {}
        self._at_hand: tuple[str, bytes] | None = None

    def expect(self, paths: Sequence[str]) -> None:
        """Take note of what comes next; one alone gains nothing."""
        self._expected = deque(paths) if len(paths) > 1 else deque()
        self._came.clear()
        self._at_hand = None

    def take(self, path: str, fetch: Fetch) -> Whole | None:
        """Return a file that was announced, fetching it with those after it; None where it was not or is not plain."""
        self._at_hand = None
        if path in self._expected:
            while self._expected.popleft() != path:
                # whoever announced them has passed these over
                pass
            together = [path, *(self._expected.popleft() for _ in range(min(TOGETHER - 1, len(self._expected))))]
            found = zip(together, fetch(together), strict=True)
            self._came = {name: whole for name, whole in found if isinstance(whole, Whole)}
        whole = self._came.pop(path, None)
        if whole is not None:
            self._at_hand = path, whole.data
        return whole

    def data_of(self, path: str) -> bytes | None:
        """Return the bytes of the file that was taken last, once; None for any other."""
        at_hand, self._at_hand = self._at_hand, None
        return at_hand[1] if at_hand is not None and at_hand[0] == path else None
