"""A table of schools (CSV, as Excel writes it) -> new schools. Every mistake at once; nothing is guessed.

Read as UTF-8, with or without byte order mark, else as cp932. A school with several shares has several rows; what
stands in the first need not be repeated.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from kdx.config.fields import Node, is_empty, mistake, read_location, read_required
from kdx.config.location import Location
from kdx.config.mistakes import Findings, Mistake
from kdx.config.model import School
from kdx.config.naming import nearest_names
from kdx.config.schools import check_school_id, check_share_name, read_school_facts
from kdx.language import _

FACTS = ("school_name", "school_kana", "kind", "school_code")
COLUMNS = ("school_id", *FACTS, "share_name", "share_url")
REQUIRED = ("school_id", "school_name")


@dataclass(frozen=True, slots=True)
class NewSchool:
    """A school to be written into a new inventory, with its shares (name, address)."""

    facts: School
    shares: tuple[tuple[str, Location], ...] = ()


def read_school_csv(path: Path, found: Findings) -> tuple[NewSchool, ...]:
    """Return the schools of a CSV file in its order."""
    text = _read(path, found)
    if text is None:
        return ()
    schools: dict[str, NewSchool] = {}
    first_rows: dict[str, Node] = {}
    for row in _rows(text, str(path), found):
        id = read_required(row, "school_id", found)
        if not id:
            continue
        if id in schools:
            _refuse_other_facts(row, first_rows[id], found)
        else:
            check_school_id(id, row.value["school_id"], found)
            first_rows[id] = row
            schools[id] = NewSchool(read_school_facts(id, row, found))
        share = _read_share(row, found)
        if share:
            schools[id] = _with_share(schools[id], share, row, found)
    return tuple(schools.values())


def _read(path: Path, found: Findings) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        found.mistakes.append(Mistake(str(path), 0, "", _("it cannot be read: {why}.").format(why=error.strerror)))
        return None
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    found.mistakes.append(Mistake(str(path), 0, "", _("the file is neither UTF-8 nor Shift_JIS (cp932).")))
    return None


def _rows(text: str, file: str, found: Findings) -> Iterator[Node]:
    """Yield the rows as mappings of column to cell; rows without any text are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _check_header(header, file, found):
            return
        for cells in reader:
            row = {
                name: Node(file, reader.line_num, name, cell.strip(), cell)
                for name, cell in zip_longest(header, cells[: len(header)], fillvalue="")
            }
            place = Node(file, reader.line_num, "", row)
            if len(cells) > len(header):
                mistake(found, place, _("this row has more cells than the first row has columns."))
            elif any(cell.strip() for cell in cells):
                yield place
    except csv.Error as error:
        what = _("this is not CSV: {problem}.").format(problem=error)
        found.mistakes.append(Mistake(file, reader.line_num, "", what))


def _check_header(header: list[str], file: str, found: Findings) -> bool:
    before = len(found.mistakes)
    for name in header:
        if name not in COLUMNS:
            near = tuple(nearest_names(name, list(COLUMNS)))
            found.mistakes.append(Mistake(file, 1, name, _("kdx does not know this column."), near))
        elif header.count(name) > 1:
            found.mistakes.append(Mistake(file, 1, name, _("this column stands here more than once.")))
    for name in REQUIRED:
        if name not in header:
            found.mistakes.append(Mistake(file, 1, name, _("this column is missing.")))
    return len(found.mistakes) == before


def _refuse_other_facts(row: Node, first: Node, found: Findings) -> None:
    for name in FACTS:
        cell = row.value.get(name)
        if cell is not None and not is_empty(cell) and cell.value != first.value[name].value:
            what = _("line {line} says something else of the same school.")
            mistake(found, cell, what.format(line=first.line))


def _read_share(row: Node, found: Findings) -> tuple[str, Location] | None:
    name, url = row.value.get("share_name"), row.value.get("share_url")
    if is_empty(name) and is_empty(url):
        return None
    text = read_required(row, "share_name", found)
    if text:
        check_share_name(text, row.value["share_name"], found)
    read_required(row, "share_url", found)
    location = read_location(url, found)
    return (text, location) if text and location else None


def _with_share(school: NewSchool, share: tuple[str, Location], row: Node, found: Findings) -> NewSchool:
    if share[0] in dict(school.shares):
        mistake(found, row.value["share_name"], _("the school has a share of this name already."))
        return school
    return replace(school, shares=(*school.shares, share))
