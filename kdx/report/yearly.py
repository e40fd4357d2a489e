"""The yearly follow-up of the plan, in its own viewpoints: sentences from facts, each with its number, date and method.

The same sentences as a page and as Markdown. What nobody knows is said to be unknown; no sentence has an author.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kdx.checklist.figures import Pair
from kdx.checklist.table import EDITIONS, Viewpoint
from kdx.errors import UsageMistake
from kdx.inventory.fiscal_year import fiscal_year_label
from kdx.language import N_, _, translate
from kdx.report.checklist import year_name
from kdx.report.paper import element, grid, page, section
from kdx.report.tables import visible
from kdx.rollout.overview import Overview
from kdx.rollout.stream import PROVEN, Milestone, State, cells_at
from kdx.survey import Survey

HEADINGS = (N_("What is known"), N_("Date"), N_("Method"))
METHODS = {"TEST": N_("tested"), "EXAMINE": N_("examined"), "INTERVIEW": N_("asked")}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


class YearToCome(UsageMistake):
    """A report was asked for of a year that has not begun."""

    message = N_("{year} has not begun yet.")
    advice = N_("Name a year that has begun, such as the present one.")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that is known, or known to be unknown."""

    text: str
    day: date | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One stream of the plan, or what else belongs to a viewpoint."""

    title: str
    source: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Yearly:
    """The whole follow-up."""

    title: str
    about: tuple[str, ...]
    viewpoints: tuple[tuple[str, tuple[Chapter, ...]], ...]


def span_of(year: int, zone: ZoneInfo, now: datetime, as_of: datetime | None) -> tuple[datetime, datetime]:
    """Return when a fiscal year began and up to when it is looked at; YearToCome where it has not begun by then."""
    first = datetime(year, 4, 1, tzinfo=zone)
    last = min(as_of or now, now, datetime(year + 1, 4, 1, tzinfo=zone) - timedelta(microseconds=1))
    if last < first:
        raise YearToCome(year=fiscal_year_label(year))
    return first, last


def yearly(survey: Survey, before: Overview, year: int) -> Yearly:
    """Return what a fiscal year brought: `survey` at its end (or now), `before` where it began."""
    overview, known = survey.overview, survey.checklist.checklist
    viewpoints = [(str(one.label), tuple(_chapters(survey, before, one, year))) for one in known.viewpoints]
    named = {stream for one in known.viewpoints for stream in one.streams}
    rest = [_stream(overview, before, one.id) for one in overview.definition.streams if one.id not in named]
    if rest:
        viewpoints.append((_("Other streams"), tuple(rest)))
    about = (
        _("As of {time}, from the ledger up to #{id} and the tables of the inventory.").format(
            time=f"{survey.now:%Y-%m-%d %H:%M} {survey.now.tzname()}", id=overview.ledger_id),
        _("Proven is what is verified or approved; what is only claimed is counted apart. Nothing is estimated."),
        *overview.warnings,
    )
    title = _("{board}: follow-up of the plan, {year}").format(board=survey.board.name, year=fiscal_year_label(year))
    return Yearly(title, about, tuple(viewpoints))


def yearly_page(report: Yearly) -> str:
    """Return the follow-up as a page to print."""
    parts = [element("h1", report.title), *(element("p", line) for line in report.about)]
    heads = [translate(one) for one in HEADINGS]
    for title, chapters in report.viewpoints:
        inner = [element("h2", title)]
        for chapter in chapters:
            inner += [element("h3", chapter.title), element("p", chapter.source) if chapter.source else "",
                      grid(heads, [_cells(one) for one in chapter.sentences], numbers=(1,))]
        parts.append(section(*inner))
    return page(report.title, parts)


def yearly_markdown(report: Yearly) -> str:
    """Return the follow-up as Markdown; nothing in a name acts as markup."""
    lines = [f"# {_plain(report.title)}", "", *(f"{_plain(line)}\n" for line in report.about)]
    for title, chapters in report.viewpoints:
        lines += [f"## {_plain(title)}", ""]
        for chapter in chapters:
            lines += [f"### {_plain(chapter.title)}", "", *([_plain(chapter.source), ""] if chapter.source else [])]
            for one in chapter.sentences:
                text, day, method = map(_plain, _cells(one))
                lines.append(f"- {text}" + (f" ({day}; {method})" if one.day or one.method else ""))
            lines.append("")
    return "\n".join(lines)


def _cells(one: Sentence) -> tuple[str, str, str]:
    return one.text, one.day.isoformat() if one.day else "-", one.method or "-"


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", visible(text))


def _chapters(survey: Survey, before: Overview, one: Viewpoint, year: int) -> Iterator[Chapter]:
    if one.has_checklist:
        yield Chapter(_("The ministry's checklist"), "", tuple(_answers(survey, year)))
    known = {stream.id for stream in survey.overview.definition.streams}
    for stream in one.streams:
        if stream in known:
            yield _stream(survey.overview, before, stream)
    if one.has_saving:
        yield Chapter(_("Backups and drills"), "", tuple(_saving(survey)))


def _stream(overview: Overview, before: Overview, name: str) -> Chapter:
    stream = next(one for one in overview.definition.streams if one.id == name)
    methods = {
        event.id: str(event.body.get("method")) for group in overview.world.facts.observations.values()
        for event in group.values()
    }
    sentences = tuple(_milestone(overview, before, one, methods) for one in stream.milestones)
    return Chapter(str(stream.label), stream.source, sentences)


def _milestone(overview: Overview, before: Overview, one: Milestone, methods: Mapping[int, str]) -> Sentence:
    """Say how many places have proven a milestone, how many had when the year began, and how that was seen."""
    cells = cells_at(overview.definition, one, tuple(overview.schools))
    found = [overview.statuses[cell] for cell in cells]
    facts, zone = overview.world.facts, overview.world.now.tzinfo
    seen = [(proof, proof.latest or proof.at) for each in found for proof in each.proofs if proof.at and proof.events]
    claims = [facts.claims[cell] for cell in cells if cell in facts.claims]
    approvals = [event for cell in cells for event in facts.approvals.get(cell, {}).values()]
    proven = sum(each.state in PROVEN for each in found)
    claimed = sum(each.state is State.CLAIMED for each in found)
    days = [at.astimezone(zone).date() for _proof, at in seen if at]
    days += [event.time.astimezone(zone).date() for event in (*claims, *approvals)]
    how = {
        translate(METHODS.get(methods[event], N_("not known"))) if event in methods else _("kdx's own record")
        for proof, _at in seen for event in proof.events
    }
    how |= {_("claimed")} if claims else set()
    how |= {_("approved in writing")} if approvals else set()
    if not days:
        return Sentence(_("{label}: not known; the ledger holds nothing about it.").format(label=one.label))
    earlier = sum(
        before.statuses[cell].state in PROVEN for cell in cells if cell in before.statuses
    )
    text = _("{label}: proven {proven} of {all}, when the year began {earlier}; only claimed {claimed}.").format(
        label=one.label, proven=proven, all=len(cells), earlier=earlier, claimed=claimed)
    return Sentence(text, max(days), ", ".join(sorted(how)))


def _answers(survey: Survey, year: int) -> Iterator[Sentence]:
    """Say of each item what the city answered last, up to this year."""
    pairs = [pair for pair in survey.checklist.pairs if pair.city and pair.fiscal_year <= year]
    if not any(pair.fiscal_year == year for pair in pairs):
        yield Sentence(_("The board's answers of {year}: not known; none were taken in.").format(
            year=fiscal_year_label(year)))
    newest = {pair.item.id: pair for pair in pairs}
    for pair in newest.values():
        yield _answer(pair)


def _answer(pair: Pair) -> Sentence:
    city, nation = pair.city, pair.nation
    assert city is not None
    of = _("{done} of {total} schools").format(done=city.done, total=city.total) if city.total and (
        city.done is not None) else _("number of schools not published")
    text = _("{item}, {year}: city {city} % ({of}), nation {nation}.").format(
        item=pair.item.label, year=year_name(city), city=f"{city.rate * 100:.1f}", of=of,
        nation=f"{nation.rate * 100:.1f} %" if nation else _("not known"))
    return Sentence(text, city.known, f"{translate(EDITIONS[city.edition])}, {city.source}")


def _saving(survey: Survey) -> Iterator[Sentence]:
    shares = [share for school in survey.board.schools for share in school.shares]
    zone, hours = survey.now.tzinfo, survey.board.backup.rpo_hours
    saved = [
        at for share in shares
        if (record := survey.history.shares.get(share.id)) and (at := record.saved) is not None
    ]
    kept = sum((survey.now - at).total_seconds() <= hours * 3600 for at in saved)
    if saved:
        text = _("Saved within the promised {hours} hours: {kept} of {all} shares.")
        yield Sentence(text.format(hours=hours, kept=kept, all=len(shares)), max(saved).astimezone(zone).date(),
                       _("kdx's own record"))
    else:
        yield Sentence(_("Backups: not known; the ledger holds no snapshot."))
    ids = {share.id for share in shares}
    drills = [event for event in survey.present["drill.finished"] if event.subject in ids]
    if drills:
        passed = sum(event.body.get("passed") is True for event in drills)
        text = _("Restore drill passed: {passed} of {all} shares.").format(passed=passed, all=len(shares))
        yield Sentence(text, max(event.time for event in drills).astimezone(zone).date(), _("kdx's own record"))
    else:
        yield Sentence(_("Restore drills: not known; the ledger holds none."))
