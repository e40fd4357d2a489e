"""How much of a line each school's running job may take, as the scheduler last said; a job re-reads it as it goes."""

import contextlib
import json
import os
import time
from collections.abc import Mapping

from kdx.state.folder import StateFolder

NAME = "limits.json"
SPEAKS_SECONDS = 15 * 60
"""A scheduler that has said nothing for so long (three ticks) is not running, and its last word does not count."""


def write_limits(state: StateFolder, limits: Mapping[str, int]) -> None:
    """Write bytes per second by school id, whole."""
    path = state.schedule() / NAME
    unfinished = path.with_name(f".{NAME}.{os.getpid()}")
    with contextlib.suppress(OSError):
        unfinished.write_text(json.dumps(dict(sorted(limits.items()))), "ascii")
        unfinished.replace(path)


def read_limit(state: StateFolder, school: str) -> int | None:
    """Return the bytes per second a school's job may take now; None where nobody said, or not lately."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        path = state.schedule() / NAME
        if time.time() - path.stat().st_mtime > SPEAKS_SECONDS:
            return None
        value = json.loads(path.read_bytes()).get(school)
        return value if isinstance(value, int) and value > 0 else None
    return None
