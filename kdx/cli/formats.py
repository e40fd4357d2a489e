"""A table in the forms people and programs read: text, CSV, JSON, Markdown, HTML, spreadsheet. Writes nothing.

No name may act: on a terminal, in a browser, as a formula. `visible` first, then the escape of the form.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, tzinfo

from kdx.language import _, current_language, translate
from kdx.report.tables import NUMBERS, Column, Kind, Table, is_plain, visible

SCHEMA_VERSION = 1
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")


def human_bytes(size: float) -> str:
    """Given bytes, return three digits or so with a decimal unit: 512 B, 1.5 GB."""
    amount, unit = float(size), 0
    while abs(amount) >= 999.95 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{size:.0f} B" if unit == 0 else f"{amount:.1f} {_SIZES[unit]}"


def human_seconds(seconds: float) -> str:
    """Given seconds, return 3.2 s, 12:05 or 1:02:03 (hours, minutes, seconds)."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def human_ratio(ratio: float) -> str:
    """Given 0 to 1, return per cent rounded down: only what is whole says 100 %."""
    return f"{int(ratio * 1000 + 1e-9) / 10:.1f} %"


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment in the board's time zone; as it is where that lies outside the calendar (year 1, year 9999)."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def human_time(moment: datetime, zone: tzinfo) -> str:
    """Return a moment in the board's time zone, to the minute."""
    return in_zone(moment, zone).isoformat(" ", "minutes")[:16]


def shown(value: object, kind: Kind, zone: tzinfo) -> str:
    """Return a value as a person reads it; `-` where it is not known."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return human_time(value, zone)[: 10 if kind == "date" else None]
    if isinstance(value, (int, float)):
        if kind == "bytes":
            return human_bytes(value)
        if kind == "seconds":
            return human_seconds(value)
        if kind == "ratio":
            return human_ratio(value)
        return f"{value:,}" if kind == "count" else str(value)
    return visible(translate(str(value)) if kind == "word" else str(value))


def exact(value: object, kind: Kind, zone: tzinfo) -> object:
    """Return a value as a program reads it: numbers as they are, times as ISO 8601 with the zone's offset."""
    if isinstance(value, datetime):
        local = in_zone(value, zone)
        return local.date().isoformat() if kind == "date" else local.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def heading_line(table: Table, zone: tzinfo) -> str:
    """Return title, date and source in one line."""
    parts = [visible(table.title)]
    if table.as_of is not None:
        stamp = in_zone(table.as_of, zone)
        parts.append(_("as of {time}").format(time=f"{human_time(stamp, zone)} {stamp.tzname()}"))
    parts.append(_("{count} rows").format(count=f"{len(table.rows):,}"))
    if table.source:
        parts.append(_("source: {source}").format(source=visible(table.source)))
    return "   ".join(part for part in parts if part)


def legend_line(table: Table) -> str:
    """Return the legend in one line, empty where there is none."""
    return "  ".join(f"{visible(mark)} {visible(translate(meaning))}" for mark, meaning in table.legend)


def headings(table: Table) -> list[str]:
    """Return the translated headings."""
    return [visible(translate(column.heading)) for column in table.columns]


def text(table: Table, zone: tzinfo, width: int | None) -> str:
    """Draw for a terminal or a text file. Only where `width` is given are paths shortened to fit it."""
    import tabulate

    # headings need no more room than cells do
    tabulate.MIN_PADDING = 0
    rows = [[shown(row.get(column.key), column.kind, zone) for column in table.columns] for row in table.rows]
    if width is not None:
        rows = _fit(table.columns, rows, width)
    drawn = tabulate.tabulate(
        rows,
        headings(table),
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["right" if column.kind in NUMBERS else "left" for column in table.columns] if rows else None,
    )
    above = map(visible, table.above)
    lines = [heading_line(table, zone), *above, *(line.rstrip() for line in drawn.splitlines())]
    lines += [line for line in (legend_line(table), *map(visible, table.notes)) if line]
    return "\n".join(lines) + "\n"


def _fit(columns: tuple[Column, ...], rows: list[list[str]], width: int) -> list[list[str]]:
    """Shorten paths so that the widest row fits; other columns stay whole, and a narrow terminal wraps them."""
    from wcwidth import wcswidth

    widths = [
        max([wcswidth(visible(translate(column.heading))), *(wcswidth(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    paths = [index for index, column in enumerate(columns) if column.kind == "path"]
    excess = sum(widths) + 2 * (len(widths) - 1) - width
    for index in sorted(paths, key=lambda index: -widths[index]):
        if excess <= 0:
            break
        room = max(16, widths[index] - excess)
        excess -= widths[index] - room
        for row in rows:
            row[index] = shorten(row[index], room)
    return rows


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


_STYLE = (
    "@page{size:A4 landscape;margin:12mm}body{font-family:sans-serif;margin:1.5em;color:#000;background:#fff}"
    "table{border-collapse:collapse}th,td{border:1px solid #666;padding:.2em .5em;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{background:#eee}.number{text-align:right;white-space:nowrap}"
    "thead{display:table-header-group}tr{break-inside:avoid}"
    "@media print{body{margin:0;font-size:8pt;line-height:1.2}h1{font-size:12pt;margin:0}p{margin:.3em 0}"
    "th,td{padding:.1em .4em}}"
)


def web_page(table: Table, zone: tzinfo) -> str:
    """Draw as one static page that loads nothing and runs nothing; prints on A4 landscape."""
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    title = html.escape(visible(table.title))
    classes = [' class="number"' if column.kind in NUMBERS else "" for column in table.columns]
    lines = [
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{title}</h1>\n<p>{html.escape(heading_line(table, zone))}</p>",
        *(f"<p>{html.escape(visible(line))}</p>" for line in table.above),
        "<table>\n<thead>\n<tr>",
        *(f'<th scope="col"{kind}>{html.escape(name)}</th>' for kind, name in zip(classes, headings(table))),
        "</tr>\n</thead>\n<tbody>",
    ]
    for row in table.rows:
        cells = (html.escape(shown(row.get(column.key), column.kind, zone)) for column in table.columns)
        lines.append("<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(classes, cells)) + "</tr>")
    lines.append("</tbody>\n</table>")
    lines += [f"<p>{html.escape(line)}</p>" for line in (legend_line(table), *map(visible, table.notes)) if line]
    return "\n".join([*lines, "</body>\n</html>"]) + "\n"


TEXTS: dict[str, Callable[[Table, tzinfo], str]] = {
    "csv": comma_separated,
    "json": json_document,
    "ndjson": json_lines,
    "md": markdown,
    "html": web_page,
}
