"""The dated tables of the checklist: `rules/checklist.yml` of the inventory, else the one that comes with kdx.

`rules/checklist_city.yml`, where there is one, holds what was published of the board itself. Reads; decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_required, read_text, read_truth
from kdx.config.fields import read_number, refuse_unknown
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.strict_yaml import read_yaml
from kdx.language import N_, _
from kdx.rollout.calendar import read_day
from kdx.rollout.fields import check_id, read_label
from kdx.rollout.stream import Label

OWN = Path(__file__).with_name("checklist.yml")
NAME, CITY_NAME = "rules/checklist.yml", "rules/checklist_city.yml"
KEYS = ("version", "sources", "respondents", "items", "national", "viewpoints")
ITEM_KEYS = ("code", "group", "label", "also", "opposites", "questions", "breaks")
FIGURE_KEYS = ("item", "fy", "label", "edition", "percent", "inverse", "schools", "source")
FIRST, LAST = 2023, 2049
"""The checklist first ran in 令和5年度."""
EDITIONS = {
    "own": N_("board's own count"), "final": N_("final"), "published": N_("as published"), "dashboard": N_("dashboard"),
    "preliminary": N_("preliminary"),
}
"""Id -> word, the one that counts most first."""


@dataclass(frozen=True, slots=True)
class Break:
    """From a year on the question is another one: what lies before cannot be compared with what comes after."""

    fiscal_year: int
    why: Label
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the checklist. Its id never changes; the numbers of its question do."""

    id: str
    code: str
    label: Label
    names: frozenset[str]
    """Other names of the same."""
    opposites: frozenset[str]
    """Names under which the opposite is counted: 使用 instead of 廃止."""
    breaks: tuple[Break, ...]
    questions: Mapping[int, str] = field(default_factory=dict, hash=False)
    """Fiscal year -> number of the question."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from, and since when they are known."""

    label: str
    dated: date


@dataclass(frozen=True, slots=True)
class Figure:
    """How many schools do what an item asks for: of one side, year and edition."""

    side: str
    item: str
    fiscal_year: int
    edition: str
    rate: float
    """0 to 1."""
    done: int | None
    """None where only a rate was published."""
    total: int | None
    """Schools that answered; None where it was not published."""
    source: str
    known: date | None
    label: str = ""
    """The year as its source calls it, where that is another one."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """One of the plan's viewpoints, and the streams that serve it."""

    id: str
    label: Label
    streams: tuple[str, ...]
    has_checklist: bool
    has_saving: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    """Both tables."""

    version: str
    items: Mapping[str, Item]
    figures: tuple[Figure, ...]
    respondents: Mapping[tuple[int, str], int]
    viewpoints: tuple[Viewpoint, ...]


def load_checklist(folder: Path) -> Checklist:
    """Return the tables of an inventory folder. ConfigurationMistakes tells all that is wrong in them."""
    found = Findings()
    own = folder / NAME
    top = read_yaml(own if own.exists() else OWN, found)
    checklist = _checklist(top, found) if top else Checklist("", {}, (), {}, ())
    if (folder / CITY_NAME).exists() and (city := read_yaml(folder / CITY_NAME, found)):
        refuse_unknown(city, ("sources", "city"), found)
        values = read_mapping(city, found)
        figures = _figures(values.get("city"), "city", checklist.items, _sources(values.get("sources"), found), found)
        checklist = replace(checklist, figures=(*checklist.figures, *figures))
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return checklist


def _checklist(top: Node, found: Findings) -> Checklist:
    refuse_unknown(top, KEYS, found)
    values = read_mapping(top, found)
    sources = _sources(values.get("sources"), found)
    items = {name: _item(name, node, found) for name, node in read_mapping(values.get("items"), found).items()}
    answered: dict[tuple[int, str], int] = {}
    for node in read_items(values.get("respondents"), found):
        refuse_unknown(node, ("fy", "edition", "schools", "source"), found)
        _source(node, sources, found)
        year, schools = _year(node, found), read_number(read_mapping(node, found).get("schools"), 1, 99_999, found)
        answered[year, _edition(node, found)] = schools or 0
    return Checklist(
        version=read_text(values.get("version"), found),
        items=items,
        figures=_figures(values.get("national"), "nation", items, sources, found),
        respondents=answered,
        viewpoints=tuple(
            _viewpoint(name, node, found) for name, node in read_mapping(values.get("viewpoints"), found).items()
        ),
    )


def _viewpoint(name: str, node: Node, found: Findings) -> Viewpoint:
    refuse_unknown(node, ("label", "streams", "checklist", "saving"), found)
    values = read_mapping(node, found)
    return Viewpoint(
        name, read_label(values.get("label"), found, node),
        tuple(read_text(item, found) for item in read_items(values.get("streams"), found)),
        bool(read_truth(values.get("checklist"), found)), bool(read_truth(values.get("saving"), found)),
    )


def _sources(node: Node | None, found: Findings) -> Mapping[str, Source]:
    sources = {}
    for name, value in read_mapping(node, found).items():
        refuse_unknown(value, ("label", "dated"), found)
        label, dated = read_required(value, "label", found), read_day(read_mapping(value, found).get("dated"), found)
        if dated is None:
            mistake(found, value, _("{key} is missing.").format(key="dated"))
        else:
            sources[name] = Source(label, dated)
    return sources


def _item(name: str, node: Node, found: Findings) -> Item:
    check_id(name, node, found)
    refuse_unknown(node, ITEM_KEYS, found)
    values = read_mapping(node, found)
    also, opposites = (
        frozenset(read_text(item, found) for item in read_items(values.get(key), found))
        for key in ("also", "opposites")
    )
    questions = {
        2018 + int(year[1:]): read_text(text, found)
        for year, text in read_mapping(values.get("questions"), found).items()
        if year[:1] == "R" and year[1:].isdecimal()
    }
    breaks = tuple(_break(one, found) for one in read_items(values.get("breaks"), found))
    label = read_label(values.get("label"), found, node)
    return Item(name, read_text(values.get("code"), found), label, also, opposites, breaks, questions)


def _break(node: Node, found: Findings) -> Break:
    refuse_unknown(node, ("fy", "why", "source"), found)
    why = read_label(read_mapping(node, found).get("why"), found, node)
    return Break(_year(node, found), why, read_required(node, "source", found))


def _figures(
    node: Node | None, side: str, items: Mapping[str, Item], sources: Mapping[str, Source], found: Findings
) -> tuple[Figure, ...]:
    read = (_figure(one, side, items, sources, found) for one in read_items(node, found))
    return tuple(one for one in read if one)


def _figure(
    node: Node, side: str, items: Mapping[str, Item], sources: Mapping[str, Source], found: Findings
) -> Figure | None:
    refuse_unknown(node, FIGURE_KEYS, found)
    values = read_mapping(node, found)
    item = read_known_one(node, "item", tuple(items), found)
    source, percent = _source(node, sources, found), values.get("percent")
    if percent is None or type(percent.value) not in (int, float) or not 0 <= percent.value <= 100:
        mistake(found, percent or node, _("a per cent from 0 to 100 is expected."))
        return None
    if source is None or not item:
        return None
    rate = (100 - percent.value if read_truth(values.get("inverse"), found) else percent.value) / 100
    return Figure(
        side, item, _year(node, found), _edition(node, found), round(rate, 4), None,
        read_number(values.get("schools"), 1, 99_999, found), source.label, source.dated,
        read_text(values.get("label"), found),
    )


def read_known_one(node: Node, key: str, known: tuple[str, ...], found: Findings) -> str:
    """Return the word under a key, which must be there and be one of these."""
    text, values = read_required(node, key, found), read_mapping(node, found)
    if text and text not in known:
        mistake(found, values[key], _("this is not one of the words known here."), known[:5])
        return ""
    return text


def _source(node: Node, sources: Mapping[str, Source], found: Findings) -> Source | None:
    """A figure without a source is a mistake."""
    return sources.get(read_known_one(node, "source", tuple(sources), found))


def _edition(node: Node, found: Findings) -> str:
    return read_known_one(node, "edition", tuple(EDITIONS), found)


def _year(node: Node, found: Findings) -> int:
    year = read_number(read_mapping(node, found).get("fy"), FIRST, LAST, found)
    if year is None:
        mistake(found, node, _("{key} is missing.").format(key="fy"))
    return year or FIRST
