"""A table in the forms people and programs read: text, CSV, JSON, Markdown, HTML, spreadsheet. Writes nothing.

No name may act: on a terminal, in a browser, as a formula. `visible` first, then the escape of the form.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from kdx.cli.help import wrap
from kdx.language import translate
from kdx.report.paper import web_page
from kdx.report.shown import GAP, exact, heading_line, headings, legend_items, legend_line, shown
from kdx.report.tables import NUMBERS, Column, Kind, Table, is_plain, visible

SCHEMA_VERSION = 1
SHORTEST_PATH = 16
NARROWEST_TEXT = 20
NARROWEST_HEADING = 8
"""Terminal columns that a column keeps, however narrow the terminal is."""


def text(table: Table, zone: tzinfo, width: int | None) -> str:
    """Draw for a terminal or a text file. Where `width` is given, paths are cut and texts wrapped to fit it."""
    if table.blocks and width is not None:
        return _drawn(table, zone, width, _blocks(table, zone, width))
    import tabulate

    # headings need no more room than cells do
    tabulate.MIN_PADDING = 0
    rows = [[shown(row.get(column.key), column.kind, zone) for column in table.columns] for row in table.rows]
    names = headings(table)
    if width is not None:
        names, rows = _fit(table.columns, names, rows, width)
    drawn = tabulate.tabulate(
        rows,
        names,
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["right" if column.kind in NUMBERS else "left" for column in table.columns] if rows else None,
    )
    return _drawn(table, zone, width, drawn.splitlines())


def _drawn(table: Table, zone: tzinfo, width: int | None, rows: Iterable[str]) -> str:
    head = _packed(heading_line(table, zone).split(GAP), width, GAP)
    above = [*head, *_sentences(map(visible, table.above), width)]
    below = [*_packed(legend_items(table), width, "  "), *_sentences(filter(None, map(visible, table.notes)), width)]
    return "\n".join([*above, *(line.rstrip() for line in rows), *below]) + "\n"


def _blocks(table: Table, zone: tzinfo, width: int) -> Iterator[str]:
    """Yield each row as `heading  value` lines, without the first columns that it has in common with the row above.

    Running text is wrapped; what must be exact (a path, a command) keeps its own lines, however long they are.
    """
    from wcwidth import wcswidth

    names = headings(table)
    left = max(map(wcswidth, names)) + 2
    before: list[str] = []
    yield ""
    for row in table.rows:
        cells = [str(row[column.key]) if column.kind == "path" and row.get(column.key) is not None
                 else shown(row.get(column.key), column.kind, zone) for column in table.columns]
        first = next((index for index, cell in enumerate(cells) if before[index : index + 1] != [cell]), 0)
        for column, name, cell in list(zip(table.columns, names, cells, strict=True))[first:]:
            own = map(visible, cell.split("\n"))
            lines = own if column.kind == "path" else wrap(cell, max(NARROWEST_TEXT, width - left))
            for number, line in enumerate(lines if row.get(column.key) is not None else ()):
                yield ("" if number else name).ljust(left - (0 if number else wcswidth(name) - len(name))) + line
        before = cells
        yield ""


def _sentences(lines: Iterable[str], width: int | None) -> list[str]:
    """Return what stands above or below a table, by 禁則 in the width there is."""
    return list(lines) if width is None else [_wrapped(line, width) for line in lines]


def _packed(items: Sequence[str], width: int | None, gap: str) -> list[str]:
    """Return what belongs together in as few lines as there is width for: a mark stays with its meaning."""
    from wcwidth import wcswidth

    lines: list[str] = []
    for item in items:
        if lines and (width is None or wcswidth(lines[-1] + gap + item) <= width):
            lines[-1] += gap + item
        else:
            lines.append(item)
    return _sentences(lines, width)


def _fit(
    columns: tuple[Column, ...], names: list[str], rows: list[list[str]], width: int
) -> tuple[list[str], list[list[str]]]:
    """Break headings, then shorten paths, then wrap running text (禁則), so that the widest row fits.

    Other columns stay whole.
    """
    from wcwidth import wcswidth

    cells = [max((wcswidth(row[index]) for row in rows), default=0) for index in range(len(columns))]
    heads = dict(enumerate(map(wcswidth, names)))
    excess = sum(max(cells[index], head) for index, head in heads.items()) + 2 * (len(columns) - 1) - width
    rooms = _narrowed(heads, {index: max(cells[index], NARROWEST_HEADING) for index in heads}, excess)
    names = [_balanced(name, rooms[index]) for index, name in enumerate(names)]
    excess -= sum(max(cells[index], heads[index]) - max(cells[index], room) for index, room in rooms.items())
    for kind, least, fit in (("path", SHORTEST_PATH, shorten), ("text", NARROWEST_TEXT, _wrapped)):
        wide = {index: cells[index] for index, column in enumerate(columns) if column.kind == kind}
        found = _narrowed(wide, {index: max(least, min(rooms[index], cells[index])) for index in wide}, excess)
        excess -= sum(wide[index] - room for index, room in found.items())
        rows = [
            [fit(cell, found[index]) if found.get(index, cells[index]) < cells[index] else cell
             for index, cell in enumerate(row)]
            for row in rows
        ]
    return names, rows


def _narrowed(widths: Mapping[int, int], least: Mapping[int, int], excess: int) -> dict[int, int]:
    """Return widths of columns with the excess taken from the widest, each no narrower than its least."""
    found = dict(widths)
    while excess > 0 and (wide := [index for index in found if found[index] > least[index]]):
        found[max(wide, key=found.__getitem__)] -= 1
        excess -= 1
    return found


def _balanced(heading: str, room: int) -> str:
    """Return a heading in as few lines as fit, all about as long: never one character alone."""
    lines = len(wrap(heading, room))
    while lines > 1 and len(wrap(heading, room - 1)) == lines:
        room -= 1
    return _wrapped(heading, room)


def _wrapped(text: str, room: int) -> str:
    """Return running text in lines of at most `room` terminal columns, if its words are not longer than that."""
    from wcwidth import wcswidth

    return text if wcswidth(text) <= room else "\n".join(wrap(text, room))


def shorten(text: str, room: int) -> str:
    """Return `text` in at most `room` terminal columns, cut in the middle: the ends of a path tell most."""
    from wcwidth import wcswidth, wcwidth

    if wcswidth(text) <= room:
        return text
    half = (room - 3) // 2

    def head(characters: Iterator[str], most: int) -> list[str]:
        kept: list[str] = []
        used = 0
        for character in characters:
            used += max(0, wcwidth(character))
            if used > most:
                break
            kept.append(character)
        return kept

    end = head(reversed(text), half)
    return "".join(head(iter(text), room - 3 - half)) + "..." + "".join(reversed(end))


_FORMULA = tuple("=+-@\t\r＝＋－＠")


def _cell(value: object, kind: Kind, zone: tzinfo) -> object:
    """Return a CSV cell that no spreadsheet takes for a formula. Numbers stay numbers, negative ones too."""
    if isinstance(value, bool) or (kind == "word" and value is not None):
        value = shown(value, kind, zone)
    value = exact(value, kind, zone)
    if isinstance(value, str):
        return f"'{visible(value)}" if value.startswith(_FORMULA) else visible(value)
    return "" if value is None else value


def comma_separated(table: Table, zone: tzinfo) -> str:
    """Draw as CSV for Excel: byte order mark, CRLF, one heading line, nothing else."""
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_cell(heading, "text", zone) for heading in headings(table))
    for row in table.rows:
        writer.writerow(_cell(row.get(column.key), column.kind, zone) for column in table.columns)
    return file.getvalue()


def encode_json(value: object) -> str:
    """Return JSON on one line with exact names, readable Japanese, and nothing in it that could move a cursor."""
    dumped = json.dumps(value, ensure_ascii=False)
    if dumped.isprintable():
        return dumped
    return "".join(character if is_plain(character) else json.dumps(character)[1:-1] for character in dumped)


def _records(table: Table, zone: tzinfo) -> Iterator[dict[str, object]]:
    for row in table.rows:
        yield {column.key: exact(row.get(column.key), column.kind, zone) for column in table.columns}


def json_document(table: Table, zone: tzinfo) -> str:
    """Draw as one JSON document, a row a line. It only grows: schema_version changes when a meaning does."""
    columns = [
        {"key": column.key, "heading": translate(column.heading), "kind": column.kind} for column in table.columns
    ]
    parts = {
        "schema_version": encode_json(SCHEMA_VERSION),
        "title": encode_json(table.title),
        "as_of": encode_json(exact(table.as_of, "time", zone)),
        "source": encode_json(table.source),
        "columns": _json_list(columns),
        "rows": _json_list(_records(table, zone)),
        **({"above": _json_list(table.above)} if table.above else {}),
        "notes": _json_list(table.notes),
        "legend": _json_list({"mark": mark, "meaning": translate(meaning)} for mark, meaning in table.legend),
    }
    return "{\n" + ",\n".join(f' "{name}": {body}' for name, body in parts.items()) + "\n}\n"


def _json_list(values: Iterable[object]) -> str:
    lines = ",\n".join(f"  {encode_json(value)}" for value in values)
    return f"[\n{lines}\n ]" if lines else "[]"


def json_lines(table: Table, zone: tzinfo) -> str:
    """Draw as one JSON object a row, each on a line of its own."""
    return "".join(
        encode_json({"schema_version": SCHEMA_VERSION, **record}) + "\n" for record in _records(table, zone)
    )


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#])")


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def markdown(table: Table, zone: tzinfo) -> str:
    """Draw as a Markdown table; whatever Markdown would act on is escaped."""
    lines = [_markdown(heading_line(table, zone)), ""]
    lines += [f"{_markdown(visible(line))}\n" for line in table.above]
    lines.append("| " + " | ".join(map(_markdown, headings(table))) + " |")
    lines.append("|" + "|".join(" ---: " if column.kind in NUMBERS else " --- " for column in table.columns) + "|")
    for row in table.rows:
        cells = (_markdown(shown(row.get(column.key), column.kind, zone)) for column in table.columns)
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\n{_markdown(line)}" for line in (legend_line(table), *map(visible, table.notes)) if line]
    return "\n".join(lines) + "\n"


TEXTS: dict[str, Callable[[Table, tzinfo], str]] = {
    "csv": comma_separated,
    "json": json_document,
    "ndjson": json_lines,
    "md": markdown,
    "html": web_page,
}
