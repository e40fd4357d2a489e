"""What a school is still asked before its share is moved: nothing is sent while an entry waits for its answer."""

from kdx.errors import GateClosed
from kdx.inventory.assess.assessment import assess, place_at
from kdx.inventory.assess.finding import Severity
from kdx.inventory.assess.profile import load_tables
from kdx.inventory.catalog.catalog import Catalog
from kdx.language import N_
from kdx.migration.migration import Migration
from kdx.remotes import profile_behind


class Undecided(GateClosed):
    """Some entries cannot go to this target as they are, and nobody has decided what to do."""

    message = N_("{count} entries cannot be moved as they are; nothing was sent. The first: {first}")
    advice = N_(
        "See them all with: kdx assess {school} --to {target} -o FILE.xlsx. Let the school decide, "
        "then run: kdx migrate run {school} --to {target} --decisions FILE.xlsx"
    )


def open_questions(migration: Migration, catalog: Catalog) -> dict[str, str]:
    """Return what a person must decide before it is moved, and why, by path.

    A target that names its profile, or a service behind rclone that has one, is held to it. Once a school was asked,
    what is new is asked about too.
    """
    answered = migration.records.decisions.exists()
    behind = profile_behind(migration.root)
    if not answered and not (migration.target.profile or behind):
        return {}
    tables = load_tables(migration.inventory)
    stops = (Severity.BLOCKS, Severity.DECIDE) if answered else (Severity.BLOCKS,)
    found: dict[str, str] = {}
    profile, place = tables.profile_of(migration.target, behind), place_at(migration.target, migration.share)
    for finding in assess(catalog, profile, place, tables, migration.records.decided()):
        if finding.path and finding.severity in stops:
            found.setdefault(finding.path, finding.rule.sentence)
    return found
