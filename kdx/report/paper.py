"""What every page kdx prints has in common: receipts, sheets, reports, a table as a page. Text in, HTML out.

Black on white, A4, headings repeated on every sheet; nothing is loaded, run or asked for. Text becomes harmless here:
`text` is the only way into a page.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Literal

from kdx.language import current_language
from kdx.report.shown import headings, legend_line, origin_line, shown
from kdx.report.tables import NUMBERS, WHOLE, Table, visible

Orientation = Literal["portrait", "landscape"]

MADE_BY = '<meta name="generator" content="kdx">'
"""How a page of kdx is told from any other: only such a one is ever replaced where people keep their own."""

MARGINS = {"portrait": "16mm", "landscape": "12mm"}
STYLE = """
body { font: 10.5pt/1.55 "Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic", "Hiragino Sans", sans-serif; color: #000;
  background: #fff; margin: 1.5em; }
h1 { font-size: 16pt; line-height: 1.3; margin: 0 0 2mm; word-break: keep-all; overflow-wrap: anywhere; }
h2 { font-size: 12.5pt; border-bottom: 1pt solid #000; margin: 6mm 0 2mm; break-after: avoid; }
h3 { font-size: 11pt; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 1mm 0; white-space: pre-wrap; }
ol, ul { margin: 1mm 0; padding-left: 1.6em; }
table { border-collapse: collapse; margin: 2mm 0; }
th, td { border: 1px solid #555; padding: 1mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; font-weight: normal; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
thead th { overflow-wrap: normal; word-break: keep-all; }
.number { text-align: right; }
.number, .whole { white-space: nowrap; }
code, pre { font: 9pt/1.45 "Noto Sans Mono CJK JP", monospace; overflow-wrap: anywhere; }
pre { border-left: 3pt solid #999; margin: 1.5mm 0; padding: 0 3mm; white-space: pre-wrap; break-inside: avoid; }
footer { font-size: 8.5pt; text-align: right; margin-top: 4mm; }
.wide { overflow-x: auto; }
@media print { body { margin: 0; max-width: none; } .wide { overflow: visible; } }
"""
UPRIGHT = """
body { max-width: 178mm; margin: 8mm auto; }
h1 { font-size: 20pt; text-align: center; }
table { width: 100%; }
"""
DENSE = """
@media print { body { font-size: 8.5pt; line-height: 1.3; } h1 { font-size: 13pt; } table { width: 100%; }
  th, td { padding: .15em .4em; } }
"""


def page(title: str, parts: Iterable[str], style: str = "", orientation: Orientation = "portrait") -> str:
    """Return a whole page of these parts; `style` is added to that of all pages. The browser allows that style only."""
    sheet = f"@page {{ size: A4 {orientation}; margin: {MARGINS[orientation]}; }}"
    styles = sheet + STYLE + (UPRIGHT if orientation == "portrait" else "") + style
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    return "\n".join([
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        MADE_BY,
        f"<title>{text(title)}</title>\n<style>{styles}</style>\n</head>\n<body>\n<main>",
        *(part for part in parts if part),
        "</main>\n</body>\n</html>\n",
    ])


def text(value: str) -> str:
    """Return any text as it stands in a page: nothing in it acts."""
    return html.escape(visible(value))


def element(name: str, content: str, kind: str = "") -> str:
    """Return one element with text in it."""
    return f"<{name}{_class(kind)}>{text(content)}</{name}>"


def section(*parts: str, kind: str = "") -> str:
    """Return parts that belong together."""
    return f"<section{_class(kind)}>\n" + "\n".join(part for part in parts if part) + "\n</section>"


def wide(name: str, *parts: str) -> str:
    """Return parts that are pushed sideways on a narrow screen, by keyboard too, so that they stay readable there."""
    label = f'class="wide" tabindex="0" role="region" aria-label="{text(name)}"'
    return f"<div {label}>\n" + "\n".join(part for part in parts if part) + "\n</div>"


def listed(kind: Literal["ol", "ul"], *items: str) -> str:
    """Return a list, numbered or not."""
    return f"<{kind}>" + "".join(element("li", item) for item in items) + f"</{kind}>"


def commands(*lines: str) -> str:
    """Return what is typed, a line each."""
    return "<pre>" + "\n".join(map(text, lines)) + "</pre>"


def pairs(*rows: tuple[str, str]) -> str:
    """Return a table of names and what stands for each."""
    return grid((), rows, row_headings=True)


def blanks(columns: Sequence[str], names: Iterable[str]) -> str:
    """Return a table whose cells beside the names are left empty, to be filled in by hand."""
    empty = ("",) * (len(columns) - 1)
    return grid(columns if any(columns) else (), ((name, *empty) for name in names), kind="fill", row_headings=True)


def grid(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    kind: str = "",
    numbers: Iterable[int] = (),
    whole: Iterable[int] = (),
    row_headings: bool = False,
) -> str:
    """Return a table. `numbers` are the columns aligned to the right, neither they nor `whole` ones are ever broken.

    The first column can head its row.
    """
    kinds = {**dict.fromkeys(whole, "whole"), **dict.fromkeys(numbers, "number")}

    def cell(name: str, index: int, content: str) -> str:
        return f"<{name}{_class(kinds.get(index, ''))}>{text(content)}</{name.split()[0]}>"

    def line(row: Sequence[str]) -> str:
        names = ['th scope="row"' if row_headings and index == 0 else "td" for index in range(len(row))]
        return f"<tr>{''.join(map(cell, names, range(len(row)), row))}</tr>"

    head = "".join(cell('th scope="col"', index, column) for index, column in enumerate(columns))
    lines = [f"<table{_class(kind)}>", *([f"<thead>\n<tr>{head}</tr>\n</thead>"] if head else [])]
    return "\n".join([*lines, "<tbody>", *map(line, rows), "</tbody>\n</table>"])


def of_table(table: Table, zone: tzinfo) -> Iterable[str]:
    """Return what a table says, without its title: date and source, lines above, rows, legend and notes."""
    yield element("p", origin_line(table, zone))
    yield from (element("p", line) for line in table.above)
    yield grid(
        headings(table),
        ([shown(row.get(column.key), column.kind, zone) for column in table.columns] for row in table.rows),
        numbers=(index for index, column in enumerate(table.columns) if column.kind in NUMBERS),
        whole=(index for index, column in enumerate(table.columns) if column.kind in WHOLE),
    )
    yield from (element("p", line) for line in (legend_line(table), *table.notes) if line)


def web_page(table: Table, zone: tzinfo) -> str:
    """Return a table as one page that prints on A4 landscape."""
    parts = [element("h1", table.title), wide(table.title, *of_table(table, zone))]
    return page(table.title, parts, DENSE, "landscape")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
