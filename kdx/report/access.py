"""Who may open which folder, as a table. Facts in, table out; no I/O."""

from collections.abc import Iterator

from kdx.config.model import School
from kdx.inventory.access import Difference, differing_folders, folders_of, named
from kdx.inventory.overview import Shelf
from kdx.inventory.rights import ROOT
from kdx.language import N_, _
from kdx.report.tables import Column, Table

CHANGES = {
    "narrower": N_("narrower"),
    "wider": N_("wider"),
    "different": N_("different"),
}


def access_table(school: School, shelf: Shelf) -> Table:
    """Return the folders that open for others than the folder they lie in, from the last catalogs."""
    rows = list(_rows(shelf))
    unknown = [name or found.metadata.share for name, found in shelf.named() if not set(found.metadata.rights) - {ROOT}]
    return Table(
        title=_("Folders with rights of their own in {school}").format(school=school.name),
        columns=(
            Column("folder", N_("Folder"), "path"),
            Column("change", N_("Than the folder around it"), "word"),
            Column("may_open", N_("May open it")),
            Column("may_change", N_("May change it")),
            Column("lost", N_("May not, though they may around it")),
        ),
        rows=rows,
        as_of=shelf.as_of,
        source=_("catalog {name}").format(name=shelf.names),
        notes=(
            _("Rights of folders; files that somebody gave rights of their own by hand are not told apart."),
            *(_("{share}: no access lists in its catalog, only the modes of folders.").format(share=one)
              for one in unknown),
        ),
    )  # fmt: skip


def _rows(shelf: Shelf) -> Iterator[dict[str, object]]:
    for name, catalog in shelf.named():
        texts = catalog.metadata.rights
        for found in differing_folders(folders_of(catalog.entries(), texts), texts.get(ROOT, "")):
            yield _row(found, f"{name}/{found.folder}" if name else found.folder)


def _row(found: Difference, folder: str) -> dict[str, object]:
    return {
        "folder": folder,
        "change": CHANGES[found.change],
        "may_open": named(found.rights.open) or _("nobody"),
        "may_change": named(found.rights.change) or _("nobody"),
        "lost": named(found.lost) or None,
    }
