"""Go or no-go, with the reason for every check. Pure: what is known and the time go in, a decision comes out.

Before the weekend the question is whether it may begin; after the final run, whether the teachers may be let in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kdx.cutover.course import Cutover, Stage
from kdx.cutover.freeze import Canary
from kdx.cutover.window import Forecast, forecast
from kdx.errors import ExitCode
from kdx.language import N_, _

REHEARSALS = 2
"""The first moves everything; from the second on a delta is measured."""
REHEARSED_WITHIN = timedelta(days=7)
"""A week of lessons changes more than a rehearsal before it has shown."""

CHECKS = {
    "rehearsed": N_("rehearsals"),
    "fits": N_("length of the final window"),
    "decided": N_("decisions of the school"),
    "closed": N_("open documents"),
    "saved": N_("backup of the old share"),
    "canary": N_("the write that must be refused"),
    "frozen": N_("old share read-only"),
    "moved": N_("final delta"),
    "proven": N_("verification"),
}


class Stand(StrEnum):
    """What a check says."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"
    """Worth knowing; nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the go/no-go sheet."""

    id: str
    stand: Stand
    why: str
    """A sentence, translated."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision rests on."""

    course: Cutover
    window: timedelta
    """How long the board gives the final run."""
    held: tuple[str, ...] = ()
    """Who has a document open, as far as Office wrote it down; at the last look."""
    accept_open: bool = False
    """A person said: documents that are still open do not matter."""
    saved: datetime | None = None
    """When the last good snapshot of the old share began; None where there is none."""
    rpo: timedelta | None = None
    """How old it may be; None where the board has no vault."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Go or no-go."""

    at: datetime
    final: bool
    """Whether it is the one after the final run."""
    go: bool
    checks: tuple[Check, ...]
    forecast: Forecast | None

    @property
    def against(self) -> list[str]:
        """Ids of the checks that say no."""
        return [check.id for check in self.checks if check.stand is Stand.BAD]

    @property
    def exit_code(self) -> ExitCode:
        """4 on no-go."""
        return ExitCode.DONE if self.go else ExitCode.GATE


def judge(facts: Facts, now: datetime, *, to_let_in: bool = False) -> Decision:
    """Say whether the weekend may begin or, once the final run was begun, whether the teachers may be let in.

    Where nothing but the second is asked, `to_let_in`, a final run that was never begun is a no.
    """
    final = to_let_in or facts.course.stage in (Stage.FROZEN, Stage.DONE)
    expected = forecast(facts.course.rehearsals, now)
    checks = tuple(_after(facts) if final else _before(facts, expected, now))
    return Decision(now, final, all(check.stand is not Stand.BAD for check in checks), checks, expected)


def _before(facts: Facts, expected: Forecast | None, now: datetime) -> Iterator[Check]:
    yield _rehearsed(facts.course, now)
    if expected is None:
        yield Check("fits", Stand.BAD, _("no delta has been measured yet"))
    else:
        words = _("about {expected} is forecast; the window has {window}").format(
            expected=_length(expected.duration), window=_length(facts.window)
        )
        yield Check("fits", Stand.GOOD if expected.duration <= facts.window else Stand.BAD, words)
    yield _decided(facts.course)
    yield _closed(facts, Stand.NOTE)
    if facts.rpo is not None:
        yield _saved(facts.saved, facts.rpo, now)
    if facts.course.write_accepted is None:
        why = _("no rehearsal has tried it (--canary FOLDER): on the day a refusal will prove nothing")
        yield Check("canary", Stand.NOTE, why)
    else:
        yield Check("canary", Stand.GOOD, _("kdx may write there now; on the day it must be refused"))


def _after(facts: Facts) -> Iterator[Check]:
    yield _frozen(facts.course)
    yield _closed(facts, Stand.NOTE if facts.accept_open else Stand.BAD)
    yield _decided(facts.course)
    yield _moved(facts.course)
    yield _proven(facts.course)


def _rehearsed(course: Cutover, now: datetime) -> Check:
    count = len(course.rehearsals)
    if count < REHEARSALS:
        why = _("{count} of {wanted} so far: the second shows how much a day changes")
        return Check("rehearsed", Stand.BAD, why.format(count=count, wanted=REHEARSALS))
    last = course.rehearsals[-1]
    if last.exit_code:
        why = _("the last one did not move and prove everything (exit code {code})")
        return Check("rehearsed", Stand.BAD, why.format(code=last.exit_code))
    days = (now - last.started).days
    if now - last.started > REHEARSED_WITHIN:
        why = _("the last one is {days} days old; {most} at the most")
        return Check("rehearsed", Stand.BAD, why.format(days=days, most=REHEARSED_WITHIN.days))
    return Check("rehearsed", Stand.GOOD, _("{count}, the last {days} days ago").format(count=count, days=days))


def _decided(course: Cutover) -> Check:
    moved = course.moved
    if moved is None:
        return Check("decided", Stand.BAD, _("the share was never planned"))
    if moved.undecided or moved.waiting:
        why = _("{undecided} entries are undecided, {waiting} wait by decision")
        return Check("decided", Stand.BAD, why.format(undecided=f"{moved.undecided:,}", waiting=f"{moved.waiting:,}"))
    return Check("decided", Stand.GOOD, _("nothing is open"))


def _closed(facts: Facts, stand: Stand) -> Check:
    count = facts.course.open_documents
    if count is None:
        return Check("closed", stand, _("nobody has looked yet"))
    if not count:
        return Check("closed", Stand.GOOD, _("none at the last look"))
    who = ", ".join(dict.fromkeys(facts.held)) or _("unknown")
    return Check("closed", stand, _("{count} open at the last look: {who}").format(count=f"{count:,}", who=who))


def _saved(saved: datetime | None, rpo: timedelta, now: datetime) -> Check:
    if saved is None:
        return Check("saved", Stand.BAD, _("there is no good snapshot in the vault"))
    hours = round((now - saved) / timedelta(hours=1))
    why = _("the last good snapshot is {hours} hours old").format(hours=hours)
    return Check("saved", Stand.GOOD if now - saved <= rpo else Stand.BAD, why)


def _frozen(course: Cutover) -> Check:
    freeze = course.freeze
    if freeze is None:
        return Check("frozen", Stand.BAD, _("not looked at yet"))
    if freeze.canary == Canary.ACCEPTED:
        return Check("frozen", Stand.BAD, _("the old share took a write: it is not read-only"))
    if freeze.differences is None:
        return Check("frozen", Stand.BAD, _("the second look is still to come: the final run did not end"))
    if freeze.differences:
        why = _("{count} entries changed while the final run was at work").format(count=f"{freeze.differences:,}")
        return Check("frozen", Stand.BAD, why)
    if freeze.canary == Canary.REFUSED and freeze.canary_proves:
        return Check("frozen", Stand.GOOD, _("a write that was accepted before is refused, and nothing changed"))
    apart = _length(freeze.ended - freeze.started)
    if freeze.canary == Canary.REFUSED:
        why = _("nothing changed in {length}; a write was refused, but kdx's account was never seen to have the right")
    else:
        why = _("nothing changed in {length}; no write was tried (--canary FOLDER)")
    return Check("frozen", Stand.NOTE, why.format(length=apart))


def _moved(course: Cutover) -> Check:
    moved, freeze = course.moved, course.freeze
    if moved is None or moved.started is None or freeze is None or moved.started < freeze.started:
        return Check("moved", Stand.BAD, _("nothing was moved since the share was frozen"))
    left = moved.failed + moved.unread
    if left:
        return Check("moved", Stand.BAD, _("{count} entries could not be taken").format(count=f"{left:,}"))
    return Check("moved", Stand.GOOD, _("everything was taken"))


def _proven(course: Cutover) -> Check:
    proven, moved = course.proven, course.moved
    if proven is None or moved is None or proven.plan_sha256 != moved.plan_sha256:
        return Check("proven", Stand.BAD, _("the final delta was not verified"))
    if proven.exit_code:
        why = _("not everything is proven (exit code {code})").format(code=proven.exit_code)
        return Check("proven", Stand.BAD, why)
    return Check("proven", Stand.GOOD, _("everything is at the new place, proven"))


def _length(length: timedelta) -> str:
    minutes = max(1, round(length.total_seconds() / 60))
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=f"{minutes % 60:02}")
