"""Catalogs and inventories as files for other programs. Streams: a million rows never stand in memory at once.

A file is replaced whole or not at all. Text passes through cli/formats: no name acts in a spreadsheet or terminal.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from itertools import islice
from pathlib import Path

from kdx.cli.console import write_file, write_pieces, write_result
from kdx.errors import UsageMistake
from kdx.inventory.catalog.catalog import Catalog
from kdx.language import N_, _
from kdx.report.inventory_summary import entry_columns, export_rows
from kdx.report.tables import Table

BATCH = 5000


class FormUnknown(UsageMistake):
    """The ending of a file names no form a catalog can be written in."""

    message = N_("A catalog cannot be written as {file}.")
    advice = N_("Name a file that ends in .parquet, .csv, .ndjson or .xlsx.")


def export_catalog(catalog: Catalog, file: str, zone: tzinfo) -> None:
    """Write all rows of a catalog into `file`; its ending decides how. `-` is CSV on standard output."""
    form = "csv" if file == "-" else Path(file).suffix.lower().removeprefix(".")
    if form == "parquet":
        # a catalog is a Parquet file already, with its own metadata
        _write(file, _pieces(catalog.path))
    elif form == "xlsx":
        from kdx.cli.spreadsheet import spreadsheet

        write_file(Path(file), spreadsheet(_table(catalog, list(export_rows(catalog.entries()))), zone))
    elif form in ("csv", "ndjson"):
        _write(file, _texts(catalog, form, zone))
    else:
        raise FormUnknown(file=file)


def write_json(document: object, file: str) -> None:
    """Write a JSON document into `file`, `-` being standard output."""
    content = (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    if file == "-":
        write_result(content)
    else:
        write_file(Path(file), content)


def _table(catalog: Catalog, rows: list[dict[str, object]]) -> Table:
    metadata = catalog.metadata
    return Table(
        title=_("Catalog of {share}").format(share=metadata.share),
        columns=entry_columns(),
        rows=rows,
        as_of=metadata.ended,
        source=catalog.path.name,
    )


def _texts(catalog: Catalog, form: str, zone: tzinfo) -> Iterator[bytes]:
    from kdx.cli.formats import TEXTS

    rows = iter(export_rows(catalog.entries()))
    text = TEXTS[form](_table(catalog, list(islice(rows, BATCH))), zone)
    yield text.encode("utf-8")
    while batch := list(islice(rows, BATCH)):
        text = TEXTS[form](_table(catalog, batch), zone)
        # only the first piece has a heading
        yield (text.partition("\r\n")[2] if form == "csv" else text).encode("utf-8")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            yield piece


def _write(file: str, pieces: Iterable[bytes]) -> None:
    if file == "-":
        for piece in pieces:
            write_result(piece)
        return
    write_pieces(Path(file), pieces)
