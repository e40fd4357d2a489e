"""What the ledger says about shares, jobs, pauses and troubles, folded event by event and kept between ticks.

A quiet tick reads only what is new. The kept fold is a cache: where it is missing, damaged or ahead of the ledger,
everything is read again. Bodies are read defensively: another part of kdx writes some of them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGTERM
from typing import Any

from kdx.errors import ExitCode
from kdx.hazard.fetch import write_whole
from kdx.schedule.situation import Pause
from kdx.state.ledger import Ledger, Recorded

FORM = 1
"""Changes with the classes below: a fold of another form is read again."""
ENOUGH = 64 << 20
"""Bytes from which on a run tells how fast the line is."""
WEIGHT = 0.3
"""How much the newest run counts in an average."""
EXCUSED = ("locked", "changed", "vanished")
DONE_CODES = (ExitCode.DONE, ExitCode.INCOMPLETE, ExitCode.LOCKED, ExitCode.HAZARD)
"""Ends that are no failure of the job: what is missing then is told by the age of the snapshots."""
STOPPED_CODES = (ExitCode.INTERRUPTED, 128 + SIGTERM)
"""Ends of a job that was asked to stop and did: nobody's failure, and it is started anew as soon as it may be."""


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """One share: when it was last well saved, and what its runs were like."""

    seen: datetime | None = None
    saved: datetime | None = None
    growth: float = 0.0
    """New bytes an hour."""
    rate: float = 0.0
    """Bytes per second of the fastest recent run that carried enough to tell; 0 where none did."""
    seconds: float = 0.0
    """How long a run with little to carry takes."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job of one school, or of the board."""

    started: datetime | None = None
    """When the newest one began."""
    open: bool = False
    """Whether nobody has recorded its end."""
    good: datetime | None = None
    """When the last one began that ended with 0."""
    exit_code: int = 0
    failures: int = 0
    """In a row."""
    log: str = ""


@dataclass(frozen=True, slots=True)
class ToldRecord:
    """One trouble a person was told of and that is not over."""

    since: datetime
    last: datetime
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """The fold. Keys: share id; "save SCHOOL"; school id; trouble."""

    event: int = 0
    """Id of the last event that is in it."""
    shares: Mapping[str, ShareRecord] = field(default_factory=dict, hash=False)
    jobs: Mapping[str, JobRecord] = field(default_factory=dict, hash=False)
    pauses: Mapping[str, Pause] = field(default_factory=dict, hash=False)
    told: Mapping[str, ToldRecord] = field(default_factory=dict, hash=False)


def fold(history: History, events: Iterable[Recorded]) -> History:
    """Return the history with these events in it. What has no meaning here, or makes no sense, changes nothing."""
    shares, jobs, pauses, told = dict(history.shares), dict(history.jobs), dict(history.pauses), dict(history.told)
    last = history.event
    for event in events:
        last = max(last, event.id)
        body = event.body
        match event.kind:
            case "share.seen":
                shares[event.subject] = replace(shares.get(event.subject, ShareRecord()), seen=event.time)
            case "snapshot.sealed":
                share = str(body.get("share_id") or event.subject)
                shares[share] = _sealed(shares.get(share, ShareRecord()), body)
            case "job.started":
                old = jobs.get(event.subject, JobRecord())
                jobs[event.subject] = replace(old, started=event.time, open=True, log=str(body.get("log", "")))
            case "job.ended":
                jobs[event.subject] = _ended(jobs.get(event.subject, JobRecord()), body)
            case "schedule.paused":
                until = _time(body.get("until"))
                if until:
                    pauses[event.subject] = Pause(until, str(body.get("reason", "")), event.actor)
            case "trouble.told" if body.get("over"):
                told.pop(event.subject, None)
            case "trouble.told":
                since = told[event.subject].since if event.subject in told else event.time
                told[event.subject] = ToldRecord(since, event.time, str(body.get("text", "")))
    return History(last, shares, jobs, pauses, told)


def _sealed(record: ShareRecord, body: Mapping[str, Any]) -> ShareRecord:
    started, ended = _time(body.get("started")), _time(body.get("ended") or body.get("sealed"))
    if not started or not _counts(record, body):
        return record
    new = body.get("new_bytes", body.get("stored_bytes"))
    size = float(new) if isinstance(new, (int, float)) and not isinstance(new, bool) and new >= 0 else 0.0
    hours = (started - record.saved) / timedelta(hours=1) if record.saved else 0.0
    seconds = (ended - started).total_seconds() if ended else 0.0
    if hours > 0:
        record = replace(record, growth=_average(record.growth, size / hours))
    if seconds > 0 and size >= ENOUGH:
        record = replace(record, rate=max(size / seconds, record.rate * (1 - WEIGHT)))
    elif seconds > 0:
        record = replace(record, seconds=_average(record.seconds, seconds))
    # the newest word counts, not the latest time: a clock that ran ahead must not make a share young for ever
    return replace(record, saved=started)


def _counts(record: ShareRecord, body: Mapping[str, Any]) -> bool:
    """Whether a snapshot counts for the promise, as far as the ledger tells; the vault itself is asked by its status.

    A partial one counts where the event says so, or where all that it lacks is what somebody had open or what changed
    or vanished under the reading, and an earlier one holds that.
    """
    if isinstance(body.get("counts"), bool):
        return bool(body["counts"])
    if body.get("state") != "partial":
        return body.get("state") == "complete"
    reasons = body.get("reasons")
    if record.saved is None or body.get("waiting") or not isinstance(reasons, list) or not reasons:
        return False
    return all(str(reason).partition(" ")[0] in EXCUSED for reason in reasons)


def _average(old: float, new: float) -> float:
    return old * (1 - WEIGHT) + new * WEIGHT if old else new


def _ended(record: JobRecord, body: Mapping[str, Any]) -> JobRecord:
    code = body.get("exit_code")
    failed = code not in DONE_CODES and not (body.get("stopped") is True and code in STOPPED_CODES)
    return replace(
        record,
        open=False,
        exit_code=code if isinstance(code, int) else -1,
        failures=record.failures + 1 if failed else 0,
        good=_time(body.get("started")) if code == ExitCode.DONE else record.good,
        log=str(body.get("log", "")),
    )


def _time(value: object) -> datetime | None:
    """Return an aware time; None for anything else."""
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def read_history(ledger: Ledger, path: Path | None = None, keep: bool = True) -> History:
    """Return the history as of now; `path` is where the fold is kept between ticks, anew only where `keep` says so."""
    kept = _recall(path) if path else History()
    head = ledger.head()[0]
    if kept.event > head:
        kept = History()
    history = fold(kept, ledger.events(after=kept.event)) if head > kept.event else kept
    if path and keep and history.event != kept.event:
        content = {"form": FORM, **asdict(history)}
        write_whole(path, json.dumps(content, default=lambda moment: moment.isoformat()).encode())
    return history


def _recall(path: Path) -> History:
    try:
        kept = json.loads(path.read_bytes())
        if kept["form"] != FORM:
            return History()
        return History(
            event=int(kept["event"]),
            shares={key: ShareRecord(**_with_times(one, "seen", "saved")) for key, one in kept["shares"].items()},
            jobs={key: JobRecord(**_with_times(one, "started", "good")) for key, one in kept["jobs"].items()},
            pauses={key: Pause(**_with_times(one, "until")) for key, one in kept["pauses"].items()},
            told={key: ToldRecord(**_with_times(one, "since", "last")) for key, one in kept["told"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return History()


def _with_times(kept: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**kept, **{name: _time(kept[name]) for name in names}}
