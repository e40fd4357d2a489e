"""Visits -> answers: every machine at once, each for so long at most. Judges nothing.

A machine that hangs keeps nobody waiting: its thread is left behind, and whoever asked goes on. Ctrl-C ends it all.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from kdx.config.model import Network
from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.progress import Progress
from kdx.remotes.dialogues import Address, NoAnswer, Raw, dns, line, nut, smb, sntp, tls
from kdx.remotes.ssh import run_script
from kdx.rollout.probe.canary import try_to_write
from kdx.rollout.probe.check import By
from kdx.rollout.probe.checks.network import IMPOSSIBLE
from kdx.rollout.probe.script import CLOCK_COMMAND, script_for, sections_of
from kdx.rollout.probe.section import NameFilter, Service, Way
from kdx.rollout.probe.visits import CLOCK, Session, Trial, Ups, Visit

AT_ONCE = 32
TALK = 8.0
"""Seconds a conversation without a login may take; a knock at a port takes less than half."""
KNOCK = 3.0
GRACE = 2.0
"""Seconds after its time before a visit is given up from outside."""
CUT = N_("its answer was cut, or came too late")

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a visit: for each check its raw fields, and why there are none for the others."""

    visit: Visit
    collected: datetime
    raw: Mapping[str, Raw] = field(default_factory=dict)
    why: str = ""
    """Already translated."""


@dataclass(frozen=True, slots=True)
class Around:
    """What asking needs beside the visits."""

    network: Network
    clock: Clock
    within: float
    """Seconds for each visit."""


def ask_all(visits: Sequence[Visit], around: Around, progress: Progress) -> list[Answer]:
    """Return an answer for every visit, in their order."""
    answers: dict[int, Answer] = {}
    arrived: SimpleQueue[tuple[int, Answer]] = SimpleQueue()
    waiting = list(enumerate(visits))[::-1]
    running: dict[int, float] = {}
    progress.start(N_("machines"), len(visits), "entries")
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                number, visit = waiting.pop()
                running[number] = time.monotonic() + around.within + GRACE
                threading.Thread(target=_visit, args=(number, visit, around, arrived), daemon=True).start()
            for number, answer in _next(running, arrived, visits, around.clock):
                if running.pop(number, None) is not None:
                    answers[number] = answer
                    progress.advance(1)
    finally:
        progress.done()
    return [answers[number] for number in range(len(visits))]


def _next(
    running: Mapping[int, float], arrived: "SimpleQueue[tuple[int, Answer]]", visits: Sequence[Visit], clock: Clock
) -> list[tuple[int, Answer]]:
    """Return the next answer; where none came in time, those of whom nobody waits for any more."""
    try:
        return [arrived.get(timeout=max(0.0, min(running.values()) - time.monotonic()))]
    except Empty:
        now = time.monotonic()
        late = [number for number, until in running.items() if until <= now]
        return [(number, Answer(visits[number], clock(), why=translate(line.SILENT))) for number in late]


def _visit(number: int, visit: Visit, around: Around, arrived: "SimpleQueue[tuple[int, Answer]]") -> None:
    began = around.clock()
    try:
        answer = Answer(visit, began, ask(visit, around), translate(CUT))
    except NoAnswer as error:
        answer = Answer(visit, began, why=translate(str(error.args[0])))
    except KdxError as error:
        answer = Answer(visit, began, why=str(error))
    except Exception as error:
        # whatever a machine makes of a conversation: it is not known what it would have said
        answer = Answer(visit, began, why=f"{translate(line.UNCLEAR)} ({type(error).__name__})")
    arrived.put((number, answer))


def ask(visit: Visit, around: Around) -> Mapping[str, Raw]:
    """Hold the conversation and return the raw fields of each check. NoAnswer or KdxError where it came to nothing."""
    talk = min(TALK, around.within)
    subject = visit.subject
    match subject:
        case Session():
            return _run(visit, subject, around)
        case Ups():
            raw = nut.ask(subject.address, subject.name, talk)
        case Service():
            raw = tls.ask(subject.address, around.network.ca_bundle, around.network.proxy, talk)
        case NameFilter():
            names = (IMPOSSIBLE, subject.allowed, *subject.blocked)
            raw = {**dns.ask(subject.resolver, names, talk), "(allowed)": subject.allowed,
                   "(page)": " ".join(subject.page)}
        case Way():
            raw = line.knock_with_control(subject.to, subject.control, subject.expect, min(KNOCK, talk))
        case Trial():
            raw = try_to_write(subject.place, subject.user)
        case Address() if visit.by is By.NTP:
            raw = sntp.ask(subject, talk, around.clock)
        case Address():
            raw = smb.ask(subject, talk / 2, around.clock)
    return dict.fromkeys(visit.checks, raw)


def _run(visit: Visit, session: Session, around: Around) -> Mapping[str, Raw]:
    before = around.clock()
    printed = run_script(session.login, script_for(visit.checks, session.as_root), around.within)
    after = around.clock()
    raw: dict[str, Raw] = {
        name: {"text": text} for name, text in sections_of(printed, visit.checks).items()
    }
    if CLOCK in raw:
        raw[CLOCK] = {"clock": seconds_outside(raw[CLOCK]["text"], before, after), "command": CLOCK_COMMAND}
    return raw


def seconds_outside(stamp: str, before: datetime, after: datetime) -> str:
    """Given whole seconds that were read between two moments, return how far outside of them they lie; "" for none."""
    if not stamp.strip().isdecimal():
        return ""
    there = float(stamp)
    early, late = there + 1 - before.timestamp(), there - after.timestamp()
    return f"{late if late > 0 else min(early, 0.0):.1f}"
