"""A table drawn in columns, for a terminal or a text file. Writes nothing; no name in it acts (visible)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import groupby, zip_longest

from kdx.cli.help import wrap
from kdx.report.shown import GAP, heading_line, headings, legend_items, shown
from kdx.report.tables import NUMBERS, Column, Table, visible

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
    columns, names = table.columns, headings(table)
    if width is not None and _excess(names, rows, width) > 0:
        columns, names, rows = _together(columns, names, rows)
        names, rows = _fit(columns, names, rows, width)
    drawn = tabulate.tabulate(
        rows,
        names,
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["right" if column.kind in NUMBERS else "left" for column in columns] if rows else None,
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


def _excess(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many terminal columns a table is wider than there is room."""
    return sum(map(_broadest, zip(names, *rows, strict=True))) + 2 * (len(names) - 1) - width


def _broadest(cells: Iterable[str]) -> int:
    """Return how many terminal columns the widest line of some cells takes."""
    from wcwidth import wcswidth

    return max((wcswidth(line) for cell in cells for line in cell.split("\n")), default=0)


def _together(
    columns: Sequence[Column], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[tuple[Column, ...], list[str], list[list[str]]]:
    """Set columns of marks that stand side by side into one, a space apart, each heading written downwards."""
    found: list[tuple[Column, list[str]]] = []
    by_column = list(zip(columns, zip(names, *rows, strict=True), strict=True))
    for is_mark, group in groupby(by_column, lambda each: each[0].kind == "mark"):
        several = list(group)
        if is_mark and len(several) > 1:
            cells = zip(*(_as_wide_as_marks(*column) for _column, column in several), strict=True)
            found.append((several[0][0], [_side_by_side(line) for line in cells]))
        else:
            found += [(column, list(cells)) for column, cells in several]
    names, *drawn = zip(*(cells for _column, cells in found), strict=True)
    return tuple(column for column, _cells in found), list(names), [list(row) for row in drawn]


def _as_wide_as_marks(heading: str, *cells: str) -> list[list[str]]:
    """Return a column of marks as lines of one width; words of its heading that know no breaks stay whole."""
    lines = [wrap(heading, _broadest(cells)), *([cell] for cell in cells)]
    room = _broadest(line for each in lines for line in each)
    return [[line + " " * (room - _broadest([line])) for line in (each or [""])] for each in lines]


def _side_by_side(cells: Sequence[Sequence[str]]) -> str:
    """Return cells of several lines each as one."""
    blanks = [" " * _broadest(cell) for cell in cells]
    lines = zip_longest(*cells)
    return "\n".join(
        " ".join(blank if part is None else part for part, blank in zip(line, blanks, strict=True)) for line in lines
    )


def _fit(
    columns: tuple[Column, ...], names: list[str], rows: list[list[str]], width: int
) -> tuple[list[str], list[list[str]]]:
    """Break headings, then shorten paths, then wrap running text (禁則), so that the widest row fits.

    Other columns stay whole.
    """
    cells = [_broadest(row[index] for row in rows) for index in range(len(columns))]
    heads = {index: _broadest([name]) for index, name in enumerate(names)}
    excess = _excess(names, rows, width)
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
    if _broadest([heading]) <= room:
        return heading
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
