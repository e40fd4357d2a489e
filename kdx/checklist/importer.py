"""A file with answers to the checklist -> figures, judged whole: all of it fits or nothing is taken. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from kdx.checklist.figures import CITY, Known
from kdx.checklist.table import FIRST, LAST, Figure, Item
from kdx.config.naming import nearest_names
from kdx.errors import UsageMistake
from kdx.inventory.fiscal_year import fiscal_year, fiscal_year_label
from kdx.language import N_, _
from kdx.rollout.grid import Grid, Record, records_of
from kdx.rollout.judged import Judged, Line, Verdict
from kdx.rollout.sent_file import ReadSheet, SentFile, grid_of, read_sent_file
from kdx.rollout.values import normal, read_number, squeezed
from kdx.state.events.checklist import ChecklistFigure, ChecklistImported

HEADINGS = {
    "item": ("項目", "設問", "item"),
    "question": ("問番号", "問", "question"),
    "done": ("該当校数", "実施校数", "半分以上", "done"),
    "total": ("回答校数", "回答数", "total"),
    "percent": ("割合", "率", "percent"),
    "year": ("年度", "調査年度", "year"),
}
OPTIONAL = ("item", "question", "done", "percent", "year", "total")


class YearUnclear(UsageMistake):
    """A fiscal year is none, or none of the checklist's."""

    message = N_("{text!r} is not a fiscal year of the checklist.")
    advice = N_("Write for example R8 or 2026; it was first answered in R5.")


@dataclass(frozen=True, slots=True)
class Import:
    """What a file is said to be."""

    side: str
    fiscal_year: int
    edition: str
    source: str
    published: date | None


def read_year(text: str) -> int:
    """Return the Western year a fiscal year begins in: R8, 令和8年度, 2026."""
    year = fiscal_year(text.strip())
    if year is None or not FIRST <= year <= LAST:
        raise YearUnclear(text=text)
    return year


def judge_file(known: Known, path: Path, what: Import, read_sheet: ReadSheet) -> Judged:
    """Judge a file of figures."""
    sent = read_sent_file(path)
    return judge(known, grid_of(sent, read_sheet), what, sent)


def judge(known: Known, grid: Grid, what: Import, sent: SentFile) -> Judged:
    """Return what a table would change, line by line; its events are empty where one line cannot be taken."""
    # 項目 or 問番号 names the item; which of the two is there is seen row by row
    records = records_of(grid, HEADINGS, tuple(set(OPTIONAL) - {"total"}), sent.name)
    before = {(one.side, one.item, one.fiscal_year, one.edition): one for one in known.figures}
    lines, events = [], []
    seen: dict[str, int] = {}
    for record in records:
        name = record.values.get("item") or record.values.get("question", "")
        try:
            event = _event(known, record, what, sent.sha256)
            if event.item in seen:
                raise ValueError(_("this item stands in row {row} already").format(row=seen[event.item]))
            seen[event.item] = record.number
        except ValueError as error:
            lines.append(Line(record.number, "", name, Verdict.PROBLEM, why=str(error)))
            continue
        old = before.get((event.side, event.item, event.fiscal_year, event.edition))
        shown, after = _shown(old), _said(event.done, event.total, event.per_mille / 1000)
        if shown != after or (old and old.source != event.source):
            label = str(known.checklist.items[event.item].label)
            lines.append(Line(record.number, "", label, Verdict.CHANGE, shown, after))
            events.append(event)
    if not records:
        lines.append(Line(0, "", sent.name, Verdict.PROBLEM, why=_("it has no row with a figure")))
    fit = all(line.verdict is Verdict.CHANGE for line in lines)
    taken = tuple(events) if fit else ()
    return Judged(sent.name, sent.sha256, "checklist", sent.encoding, len(records), tuple(lines), taken)


def record_of(judged: Judged, what: Import) -> ChecklistImported:
    """Return the event that says a file was taken."""
    return ChecklistImported(
        judged.file, judged.sha256, what.side, what.fiscal_year, what.edition, what.source, judged.encoding, judged.rows
    )


def _event(known: Known, record: Record, what: Import, sha256: str) -> ChecklistFigure:
    values = record.values
    if (year := values.get("year")) and fiscal_year(year) != what.fiscal_year:
        text = _("it is of {year}, and not of {wanted}")
        raise ValueError(text.format(year=year, wanted=fiscal_year_label(what.fiscal_year)))
    item, is_opposite = _item(known.checklist.items, values, what.fiscal_year)
    done, total = read_number(values.get("done")), read_number(values.get("total"))
    if not total:
        raise ValueError(_("it does not say how many schools answered"))
    percent = _percent(values.get("percent", ""))
    if done is None and (what.side == CITY or percent is None):
        raise ValueError(_("a number is missing"))
    if done is not None:
        if done > total:
            raise ValueError(_("{done} of {total} is more than all").format(done=done, total=total))
        _refuse_other_rate(done, total, percent)
        rate = Decimal(done) / total * 100
    else:
        assert percent is not None
        rate = percent
    if is_opposite:
        done, rate = None if done is None else total - done, 100 - rate
    return ChecklistFigure(
        what.side, item.id, what.fiscal_year, what.edition, done, total, round(rate * 10), what.source,
        what.published.isoformat() if what.published else "", sha256,
    )


def _item(items: Mapping[str, Item], values: Mapping[str, str], year: int) -> tuple[Item, bool]:
    """Return the item a row speaks of, and whether it counts the opposite."""
    name, number = squeezed(values.get("item")), squeezed(values.get("question")).removeprefix("問")
    for one in items.values():
        own = {one.id, one.code, one.label.ja, one.label.en, *one.names}
        if name and name.casefold() in {squeezed(each).casefold() for each in own}:
            return one, False
        if name and name in map(squeezed, one.opposites):
            return one, True
        if not name and number and one.questions.get(year) == number:
            return one, False
    if not name and number:
        text = _("which item question {number} of {year} is, rules/checklist.yml does not say")
        raise ValueError(text.format(number=number, year=fiscal_year_label(year)))
    labels = [str(one.label) for one in items.values()]
    near = ", ".join(nearest_names(normal(values.get("item")), labels)) or "-"
    raise ValueError(_("the checklist has no such item; nearest: {nearest}").format(nearest=near))


def _percent(text: str) -> Decimal | None:
    written = normal(text).removesuffix("%").strip()
    if not written or written == "-":
        return None
    try:
        value = Decimal(written)
    except InvalidOperation as error:
        raise ValueError(_("{text} is not a per cent").format(text=written)) from error
    if not value.is_finite() or not 0 <= value <= 100:
        raise ValueError(_("{text} is not a per cent").format(text=written))
    if 0 < value <= 1 and "%" not in normal(text):
        # a spreadsheet keeps 58.5 % as 0.585
        raise ValueError(_("{text} may be a part of one or a per cent; write it with %").format(text=written))
    return value


def _refuse_other_rate(done: int, total: int, percent: Decimal | None) -> None:
    """A rate that is written beside its counts must be theirs, rounded as it is written."""
    if percent is None:
        return
    half = Decimal(1).scaleb(int(percent.as_tuple().exponent)) / 2
    if abs(Decimal(done) * 100 / total - percent) > half:
        text = _("{percent} % are not {done} of {total}")
        raise ValueError(text.format(percent=percent, done=done, total=total))


def _shown(figure: Figure | None) -> str:
    return _said(figure.done, figure.total, figure.rate) if figure else "-"


def _said(done: int | None, total: int | None, rate: float) -> str:
    counts = f"{'?' if done is None else done}/{'?' if total is None else total}"
    return f"{counts} ({rate * 100:.1f} %)"
