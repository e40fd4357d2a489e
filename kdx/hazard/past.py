"""What the weather was known to mean at a past moment, from the ledger alone. Forecasts are not kept there.

The ledger holds every change of a school's level, not the telegrams; what was acted on follows from the changes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from kdx.config.model import Board, School
from kdx.hazard.codes import Codes, Meaning, codes_of
from kdx.hazard.items import FeedUnclear, Level, Peril, Picture
from kdx.hazard.level import Reason, Standing, water_reaches
from kdx.hazard.memory import Outcome
from kdx.hazard.policy import Alarm, decide, follow
from kdx.hazard.weather import Seen
from kdx.state.events.scheduling import HazardObserved
from kdx.state.ledger import Ledger, Recorded


def seen_at(board: Board, ledger: Ledger, moment: datetime) -> Seen:
    """Return the weather as the ledger knew it at a moment; no outcome for a school of which it said nothing."""
    codes = codes_of(board.folder)
    told: dict[str, list[Recorded]] = {}
    for event in ledger.events(HazardObserved.kind, as_of=moment):
        told.setdefault(event.subject, []).append(event)
    outcomes = tuple(_outcome(board, school, told[school.id], codes, moment) for school in board.schools
                     if school.id in told)
    doubts = tuple(dict.fromkeys(doubt for one in outcomes for doubt in one.standing.doubts))
    sources = dict.fromkeys(str(place) for events in told.values() for place in events[-1].body.get("sources", ()))
    area = board.weather.class20 if board.weather else ""
    return Seen(Picture(area, moment, doubts=doubts, sources=tuple(sources)), outcomes)


def _outcome(board: Board, school: School, events: Sequence[Recorded], codes: Codes, moment: datetime) -> Outcome:
    alarm = Alarm()
    for event in events:
        alarm = follow(alarm, _standing(school, event, codes, event.time), board.hazard)
    # and once more at the moment itself: calm may have lasted long enough since
    standing = _standing(school, events[-1], codes, moment)
    alarm = follow(alarm, standing, board.hazard)
    return Outcome(school, standing, alarm, decide(alarm, standing, school, board.hazard))


def _standing(school: School, event: Recorded, codes: Codes, moment: datetime) -> Standing:
    body = event.body
    known = body.get("known")
    return Standing(
        school=school.id,
        level=Level(body["level"]),
        acts_as=Level(body["acts_as"]),
        perils={Peril(peril): Level(level) for peril, level in body["perils"].items()},
        observed=moment,
        known=datetime.fromisoformat(known) if known else None,
        in_water=water_reaches(school),
        reasons=tuple(_reasons(event, codes)),
        doubts=tuple(FeedUnclear(feed=feed, why=why) for feed, _, why in (
            str(doubt).partition(": ") for doubt in body["doubts"])),
    )


def _reasons(event: Recorded, codes: Codes) -> Iterator[Reason]:
    """Yield the warnings as they were written down, by name: "雷注意報 発表"."""
    known = {one.name: one for one in (*codes.warnings.values(), *codes.rivers.values())}
    for text in event.body["reasons"]:
        name, _, rest = str(text).partition(" ")
        status, _, place = rest.partition(" ")
        meaning = known.get(name) or Meaning(name, name, Level.UNKNOWN, Peril.NONE)
        yield Reason(meaning, meaning.level, status, event.time, place)
