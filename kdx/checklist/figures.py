"""All figures that are known at a moment, and the city held against the nation. Pure but for reading the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from kdx.checklist.table import EDITIONS, Checklist, Figure, Item, load_checklist
from kdx.state.ledger import Ledger, Recorded

CITY, NATION = "city", "nation"
FIGURE = "checklist.figure"
MOST_SCHOOLS = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """One item in one year: the city, the nation, and whether a series broke."""

    item: Item
    fiscal_year: int
    city: Figure | None
    nation: Figure | None
    begins_anew: bool
    """Whether the question is another one than the year before."""

    @property
    def points(self) -> float | None:
        """City minus nation, in percentage points."""
        return round((self.city.rate - self.nation.rate) * 100, 1) if self.city and self.nation else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the checklist at a moment."""

    checklist: Checklist
    figures: Sequence[Figure]

    @property
    def pairs(self) -> list[Pair]:
        """City against nation, by item and year."""
        return compare(self.checklist.items, self.figures)

    def answered(self, figure: Figure) -> int | None:
        """Return how many schools answered: of the figure, else those of its edition, else of its year."""
        if figure.total or figure.side == CITY:
            return figure.total
        of = self.checklist.respondents
        same_year = (schools for (year, _edition), schools in of.items() if year == figure.fiscal_year)
        return of.get((figure.fiscal_year, figure.edition)) or next(same_year, None)


def gather(folder: Path, ledger: Ledger, today: date, as_of: datetime | None = None) -> Known:
    """Return what was known at the end of a day, from the tables and the ledger."""
    checklist = load_checklist(folder)
    return Known(checklist, known_figures(checklist, ledger.present(FIGURE, as_of=as_of), today))


def known_figures(checklist: Checklist, events: Iterable[Recorded], today: date) -> list[Figure]:
    """Return the figures of the tables that were out by then, replaced by those that were imported."""
    kept = {_key(one): one for one in checklist.figures if one.known is None or one.known <= today}
    for event in events:
        if (figure := _figure_of(event, checklist)) is not None:
            kept[_key(figure)] = figure
    return list(kept.values())


def compare(items: Mapping[str, Item], figures: Iterable[Figure]) -> list[Pair]:
    """Hold the city against the nation: the same edition where both have one, else the one that counts most."""
    found: dict[tuple[str, int], dict[str, list[Figure]]] = {}
    for figure in figures:
        found.setdefault((figure.item, figure.fiscal_year), {}).setdefault(figure.side, []).append(figure)
    order = list(EDITIONS)
    pairs = []
    for item in items.values():
        for year in sorted(year for name, year in found if name == item.id):
            sides = found[item.id, year]
            city = min(sides.get(CITY, ()), key=lambda one: order.index(one.edition), default=None)
            edition = city.edition if city else ""
            nation = min(sides.get(NATION, ()), default=None,
                         key=lambda one: (one.edition != edition, order.index(one.edition)))
            pairs.append(Pair(item, year, city, nation, any(one.fiscal_year == year for one in item.breaks)))
    return pairs


def fitting_totals(figures: Iterable[Figure]) -> list[int]:
    """Return which numbers of schools could have given all these rates, which were rounded to whole per cents."""
    rates = [one.rate * 100 for one in figures]
    return [
        total for total in range(2, MOST_SCHOOLS)
        if all(abs(round(rate * total / 100) * 100 / total - rate) <= 0.5 for rate in rates)
    ] if len(rates) > 2 else []


def _key(figure: Figure) -> tuple[str, str, int, str]:
    return figure.side, figure.item, figure.fiscal_year, figure.edition


def _figure_of(event: Recorded, checklist: Checklist) -> Figure | None:
    """Return the figure of an event; None where this kdx or this table does not know it."""
    body = event.body
    if body.get("version") != 1 or body.get("item") not in checklist.items or body.get("edition") not in EDITIONS:
        return None
    try:
        return Figure(
            str(body["side"]), str(body["item"]), int(body["fiscal_year"]), str(body["edition"]),
            int(body["per_mille"]) / 1000, body.get("done"), int(body["total"]), str(body["source"]),
            date.fromisoformat(body["published"]) if body.get("published") else event.time.date(),
        )
    except (KeyError, TypeError, ValueError):
        return None
