"""A table in the forms programs and pages read: CSV, JSON, Markdown, HTML. Writes nothing.

No name may act: on a terminal, in a browser, as a formula. `visible` first, then the escape of the form.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo

from kdx.language import translate
from kdx.report.paper import web_page
from kdx.report.shown import exact, heading_line, headings, legend_line, shown
from kdx.report.tables import NUMBERS, Kind, Table, is_plain, visible

SCHEMA_VERSION = 1


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
