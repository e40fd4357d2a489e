"""A tick that cannot even begin (a mistake in the inventory, no room) has the same manners as a trouble within one.

It is told once, then daily, and when it is over; the exit code says so every time. It is remembered in a file, since
there may be no ledger to say it to.
"""

import contextlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from kdx.config.scheduling import Scheduling
from kdx.errors import KdxError
from kdx.hazard.fetch import write_whole
from kdx.schedule.history import ToldRecord
from kdx.schedule.runner import Runner, Ticked, tick
from kdx.schedule.troubles import Trouble, speak
from kdx.state.folder import StateFolder

NAME = "failing.json"
KEY = "tick"


def tick_with_manners(make: Callable[[], Runner], state: StateFolder, now: datetime, zone: ZoneInfo) -> Ticked:
    """Run one tick; what keeps it from beginning or ending is told with manners, not raised.

    `zone` decides when a lasting failure is told again, at the usual hour: the board's own may be what cannot be read.
    """
    path = state.schedule() / NAME
    told = _recall(path)
    try:
        ticked = tick(make())
        failure = None
    except KdxError as error:
        failure = Trouble(KEY, f"{error} {error.advise()}".strip())
        ticked = Ticked(exit_code=error.exit_code)
    # another failure is another trouble, though this one is not over
    known = {KEY: told} if told and (failure is None or told.text == failure.text) else {}
    said = tuple(speak([failure] if failure else [], known, now, Scheduling(), zone))
    if failure is None and told:
        path.unlink(missing_ok=True)
    elif failure and said:
        write_whole(path, json.dumps({"text": failure.text, "last": now.isoformat()}).encode())
    return Ticked(ticked.started, (*said, *ticked.messages), ticked.exit_code)


def _recall(path: Path) -> ToldRecord | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(path.read_bytes())
        last = datetime.fromisoformat(kept["last"])
        return ToldRecord(last, last, str(kept["text"])) if last.tzinfo else None
    return None
