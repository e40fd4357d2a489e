"""Board, history, weather and locks -> the situation the planner decides over. Reads no file."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kdx.backup.format.names import BOARD
from kdx.backup.format.signed_text import BOARD as BOARD_KEY
from kdx.config.model import Board, School
from kdx.hazard.policy import Order
from kdx.language import _
from kdx.schedule.history import History, JobRecord, ShareRecord
from kdx.schedule.situation import Job, SchoolState, ShareState, Situation
from kdx.state.folder import StateFolder

STARTING = timedelta(minutes=1)
"""So long a job that was started may take until it holds its lock."""
AHEAD = timedelta(minutes=15)
"""So far a time of the past may lie ahead before a clock was wrong."""
SECONDS = 60.0
"""What a run takes that finds nothing new, where none has been seen."""

Runs = Callable[[Job, str, JobRecord], bool]
"""Whether a job of a school is at work."""


def lock_name(job: Job, school: str) -> str:
    """Return the name of the lock a job holds while it runs: one for each school, one for the board's jobs."""
    return f"job-{school}" if job is Job.SAVE else "job-board"


def subject(job: Job, school: str) -> str:
    """Return under which name the ledger knows a job."""
    return f"{job} {school}".strip()


def is_running(state: StateFolder, job: Job, school: str, record: JobRecord, now: datetime) -> bool:
    """Whether a job is at work: its lock is held, or it was started a moment ago and has not taken it yet."""
    if record.open and record.started and timedelta(0) <= now - record.started < STARTING:
        return True
    return state.holder(lock_name(job, school)) is not None


def situation_of(
    board: Board, history: History, orders: Mapping[str, Order], state: StateFolder, now: datetime, past: bool = False
) -> Situation:
    """Return the situation at `now`; where that is past, what the history says was at work."""

    def running(job: Job, school: str, record: JobRecord) -> bool:
        return record.open if past else is_running(state, job, school, record, now)

    jobs = {job: history.jobs.get(subject(job, ""), JobRecord()) for job in Job if job is not Job.SAVE}
    copy, check, report = jobs[Job.COPY], jobs[Job.CHECK], jobs[Job.REPORT]
    return Situation(
        now=now,
        schools=tuple(_school(one, history, orders.get(one.id, Order()), running, now) for one in board.schools),
        board=_board(board, history, jobs[Job.BOARD], now) if saves_board(state, history) else None,
        copied=_past(copy.good, now),
        checked=_past(check.good, now),
        second_copy=bool(board.schedule.second_copy),
        report_at=board.report.at if board.report else None,
        reported=_past(report.good, now),
        board_running=any(running(job, "", one) for job, one in jobs.items()),
        board_tried={job: min(one.started, now) for job, one in jobs.items() if one.failures and one.started},
    )


def saves_board(state: StateFolder, history: History) -> bool:
    """Whether this machine saves the board's own part: it holds the board's key, or it did so before."""
    return BOARD in history.shares or (state.keys() / BOARD_KEY).exists()


def _board(board: Board, history: History, job: JobRecord, now: datetime) -> SchoolState:
    """Return the board's own part; whether it is at work the board's lock tells."""
    record = history.shares.get(BOARD, ShareRecord())
    return SchoolState(
        id="",
        name=board.name,
        shares=(ShareState(BOARD, _("its own part"), _past(record.saved, now), min(record.seen or now, now)),),
        seconds=record.seconds or SECONDS,
        tried=min(job.started, now) if job.failures and job.started else None,
        failures=job.failures,
    )


def _past(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a time that can be true; one from a clock that ran ahead is no knowledge."""
    return moment if moment and moment <= now + AHEAD else None


def _school(school: School, history: History, order: Order, runs: Runs, now: datetime) -> SchoolState:
    records = [history.shares.get(share.id, ShareRecord()) for share in school.shares]
    job = history.jobs.get(subject(Job.SAVE, school.id), JobRecord())
    running = runs(Job.SAVE, school.id, job)
    pause = history.pauses.get(school.id)
    return SchoolState(
        id=school.id,
        name=school.name,
        shares=tuple(
            ShareState(share.id, share.name, _past(one.saved, now), min(one.seen or now, now))
            for share, one in zip(school.shares, records)
        ),
        order=order,
        growth=sum(one.growth for one in records),
        rate=max((one.rate for one in records), default=0.0) or None,
        seconds=sum(one.seconds for one in records) or SECONDS,
        running=(job.started or now) if running else None,
        tried=min(job.started, now) if job.failures and job.started else None,
        failures=job.failures,
        pause=pause if pause and now < pause.until else None,
    )
