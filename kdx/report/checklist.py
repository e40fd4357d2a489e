"""The checklist as tables: the city against the nation by year, and every figure with its source."""

from collections.abc import Iterator
from datetime import datetime

from kdx.checklist.figures import CITY, Known, Pair, fitting_totals
from kdx.checklist.table import EDITIONS, Figure
from kdx.inventory.fiscal_year import fiscal_year_label
from kdx.language import N_, _, translate
from kdx.report.tables import Column, Row, Table

ITEM, YEAR = Column("item", N_("Item")), Column("year", N_("Year"))
COMPARED = (
    ITEM, YEAR,
    Column("city_done", N_("Schools"), "count"), Column("city_of", N_("answered"), "count"),
    Column("city", N_("City"), "ratio"),
    Column("nation_of", N_("Answered in the nation"), "count"), Column("nation", N_("Nation"), "ratio"),
    Column("points", N_("Points")), Column("editions", N_("Edition")), Column("sources", N_("Sources")),
)
LISTED = (
    ITEM, YEAR, Column("side", N_("Whose"), "word"), Column("done", N_("Schools"), "count"),
    Column("of", N_("answered"), "count"), Column("rate", N_("Rate"), "ratio"),
    Column("edition", N_("Edition"), "word"), Column("known", N_("Published"), "date"), Column("source", N_("Source")),
)
SIDES = {"city": N_("city"), "nation": N_("nation")}


def comparison_table(known: Known, board: str, as_of: datetime, ledger_id: int) -> Table:
    """Return a line for each item and year: the city, the nation, and the difference in points."""
    pairs = known.pairs
    numbers: dict[str, int] = {}
    rows = [_row(known, pair, numbers) for pair in pairs]
    sources = _("Sources: {list}").format(list=" ".join(f"[{number}] {text}" for text, number in numbers.items()))
    return Table(
        _("{board}: the checklist, city against nation").format(board=board), COMPARED, rows, as_of,
        _source(known, ledger_id), notes=(*_notes(known, pairs), *([sources] if numbers else [])),
    )


def figures_table(known: Known, board: str, as_of: datetime, ledger_id: int) -> Table:
    """Return every figure with its edition, date and source."""
    items, order = known.checklist.items, list(EDITIONS)
    ranks = {name: rank for rank, name in enumerate(items)}
    figures = sorted(known.figures, key=lambda one: (ranks[one.item], one.fiscal_year, one.side,
                                                     order.index(one.edition)))
    rows = [
        {"item": str(items[one.item].label), "year": year_name(one), "side": SIDES[one.side], "done": one.done,
         "of": known.answered(one), "rate": one.rate, "edition": EDITIONS[one.edition], "known": one.known,
         "source": one.source}
        for one in figures
    ]
    return Table(
        _("{board}: figures of the checklist").format(board=board), LISTED, rows, as_of, _source(known, ledger_id),
        notes=tuple(_notes(known, known.pairs)),
    )


def year_name(figure: Figure) -> str:
    """Return the year of a figure; where its source calls it another one, both."""
    year = fiscal_year_label(figure.fiscal_year)
    return _("{year}, in the plan {label}").format(year=year, label=figure.label) if figure.label else year


def _row(known: Known, pair: Pair, numbers: dict[str, int]) -> Row:
    city, nation = pair.city, pair.nation
    sides = [one for one in (city, nation) if one]
    marks = [f"[{numbers.setdefault(one.source, len(numbers) + 1)}]" for one in sides]
    editions = [translate(EDITIONS[one.edition]) for one in sides]
    return {
        "item": str(pair.item.label),
        "year": ("* " if pair.begins_anew else "") + year_name(city or sides[0]),
        "city_done": city.done if city else None, "city_of": known.answered(city) if city else None,
        "city": city.rate if city else None,
        "nation_of": known.answered(nation) if nation else None, "nation": nation.rate if nation else None,
        "points": f"{pair.points:+.1f}" if pair.points is not None else None,
        "editions": " / ".join(dict.fromkeys(editions)), "sources": " ".join(dict.fromkeys(marks)),
    }


def _notes(known: Known, pairs: list[Pair]) -> Iterator[str]:
    """Say what a reader must know before comparing anything."""
    yield _("The rate is of the schools that answered: done completely or by more than half. FAX and stamps are "
            "published as still in use; shown is the rest.")
    for item in dict.fromkeys(pair.item for pair in pairs if pair.item.breaks):
        for one in item.breaks:
            yield _("* {item}: a new series begins in {year}: {why} ({source}). Do not compare across it.").format(
                item=item.label, year=fiscal_year_label(one.fiscal_year), why=one.why, source=one.source)
    bare = [one for one in known.figures if one.side == CITY and one.total is None]
    if bare:
        fit = ", ".join(map(str, fitting_totals(bare)))
        yield _("Of {count} figures of the city only the rate was published, not how many schools answered.").format(
            count=len(bare))
        if fit:
            yield _("All of them would fit {totals} schools; that is arithmetic, not a fact.").format(totals=fit)
    for label, year in dict.fromkeys((one.label, one.fiscal_year) for one in known.figures if one.label):
        yield _("The plan calls the year {label}; the survey was that of {year}. Both stand here.").format(
            label=label, year=fiscal_year_label(year))
    yield _("Editions (preliminary, final, dashboard) differ; the answers were not cleaned by the ministry. Where the "
            "respondents of an edition are not known, those of its year are shown.")


def _source(known: Known, ledger_id: int) -> str:
    return _("rules/checklist.yml of {version}, ledger #{id}").format(version=known.checklist.version, id=ledger_id)
