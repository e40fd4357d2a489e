"""How much to have under way at once: found by trying, because no one knows a school's line and an old NAS beforehand.

Small files over 30 ms need many at a time, a loaded server is slower with more, and a computer that is busy itself
gains nothing. The rule is pure: what was measured goes in, the next level comes out.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

MOST = 32
"""Under way at the most: rclone's own advice for small files over long lines."""
WINDOW_SECONDS = 1.0
"""How long one level is measured, and at least until everything that was under way has ended once."""
WORTH = 1.1
"""A higher level is kept where it moves so many times as much."""
BUSY = 0.7
"""Seconds of processor time a second, from which on this process itself is what takes the time: the interpreter runs
one thread at a time."""
REST_WINDOWS = 20
"""After a higher level brought nothing, so many windows pass before it is tried again: the line may be free by then."""
STEP = 1.5


@dataclass(frozen=True, slots=True)
class Measured:
    """What one window showed."""

    level: int
    rate: float
    """Work a second, in any unit that stays the same."""
    busy: float
    """Processor seconds of this process a second."""


@dataclass(frozen=True, slots=True)
class Course:
    """Where the search stands."""

    level: int
    before: Measured | None = None
    """What the level below moved, while a higher one is being tried."""
    rest: int = 0
    """Windows until a higher level is tried again."""
    ceiling: int = MOST


def next_course(course: Course, seen: Measured) -> Course:
    """Given what one window at the present level showed, return what to do in the next one."""
    if course.before is not None and seen.rate < WORTH * course.before.rate:
        return replace(course, level=course.before.level, before=None, rest=REST_WINDOWS)
    if course.rest:
        return replace(course, before=None, rest=course.rest - 1)
    if seen.busy > BUSY or course.level >= course.ceiling:
        return replace(course, before=None)
    higher = min(course.ceiling, max(course.level + 1, int(course.level * STEP)))
    return replace(course, level=higher, before=seen)


def strained(course: Course) -> Course:
    """Return what to do after a server broke off or took no more: half as much, and never again so much in this run."""
    level = max(1, course.level // 2)
    return replace(course, level=level, before=None, rest=REST_WINDOWS, ceiling=max(1, course.level - 1))


class Pace:
    """The course of one run, told by all its threads."""

    def __init__(
        self,
        start: int,
        clock: Callable[[], float] = time.monotonic,
        busy_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._course = Course(start)
        self._clock, self._busy_clock = clock, busy_clock
        self._lock = threading.Lock()
        self._begin()

    @property
    def level(self) -> int:
        """How much may be under way now."""
        return self._course.level

    def note(self, work: float, begun: int = 1) -> None:
        """Take note that so much work more was begun, in so many parts at once.

        It is as much as was finished, once everything is under way.
        """
        with self._lock:
            self._begun += begun
            self._work += work
            passed = self._clock() - self._since
            if passed < WINDOW_SECONDS or self._begun < 2 * self._course.level:
                return
            busy = (self._busy_clock() - self._busy_since) / passed
            self._course = next_course(self._course, Measured(self._course.level, self._work / passed, busy))
            self._begin()

    def strain(self) -> None:
        """Take note that a server broke off or took no more."""
        with self._lock:
            self._course = strained(self._course)
            self._begin()

    def _begin(self) -> None:
        self._since, self._busy_since = self._clock(), self._busy_clock()
        self._begun, self._work = 0, 0.0
