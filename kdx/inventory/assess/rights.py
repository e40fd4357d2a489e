"""The rule on folders that fewer people may open than the folder they lie in, at a target that keeps no such rights.

Who could not open the head teacher's folder on the old server could at the target: the school says whether it goes.
"""

from collections.abc import Iterable, Mapping

from kdx.inventory.access import differing_folders, folders_of, named
from kdx.inventory.assess.finding import Rule, Severity
from kdx.inventory.rights import ROOT
from kdx.language import N_, _
from kdx.remotes.interface import Entry

RIGHTS = Rule(
    "narrower-rights",
    Severity.DECIDE,
    N_("fewer may open it than the folder around it; the target keeps no such rights"),
    needs=("rights",),
)
"""Found by comparing folders (narrowed_folders): one entry alone does not show it."""


def narrowed_folders(entries: Iterable[Entry], texts: Mapping[str, str]) -> dict[str, str]:
    """Given the folders of a catalog, each after the folder it lies in, return who is kept out of which of them."""
    found = differing_folders(folders_of(entries, texts), texts.get(ROOT, ""))
    return {one.folder: _("kept out: {accounts}").format(accounts=named(one.lost)) for one in found if one.lost}
