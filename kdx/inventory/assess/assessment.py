"""A share's catalog judged against a target, and the findings summed up. Streams: findings are never all in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdx.config.model import Share, Target
from kdx.errors import ExitCode
from kdx.inventory.assess.decisions import Decisions
from kdx.inventory.assess.finding import Finding, Rule, Severity
from kdx.inventory.assess.inside import Inside
from kdx.inventory.assess.judge import NOT_LOOKED, Terms, judge
from kdx.inventory.assess.personal import PersonalNames
from kdx.inventory.assess.profile import Profile, RuleTables
from kdx.inventory.assess.rights import narrowed_folders
from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.catalog.queries import entries_by_folder, folders_of_catalog


@dataclass(slots=True)
class Met:
    """How often a rule was met, and the first entry that meets it (empty: the share as a whole)."""

    entries: int
    example: str


Summary = dict[Rule, Met]


def place_at(target: Target, share: Share) -> str:
    """Return what stands before every path of a share at a target: prefix, school and share."""
    return f"{target.location.child(share.school, share.name).path}/"


def assess(
    catalog: Catalog,
    profile: Profile,
    place: str,
    tables: RuleTables,
    decided: Decisions,
    inside: Mapping[str, Sequence[Inside]] = NOT_LOOKED,
) -> Iterator[Finding]:
    """Yield what a catalog's entries meet at a target, after what was decided."""
    narrowed = narrowed_folders(folders_of_catalog(catalog.path), catalog.metadata.rights)
    terms = Terms(profile, place, PersonalNames(tables.vocabulary), decided, inside, narrowed)
    return judge(entries_by_folder(catalog.path), terms)


def summarise(findings: Iterable[Finding]) -> Summary:
    """Return how often each rule was met."""
    found: Summary = {}
    for finding in findings:
        if met := found.get(finding.rule):
            met.entries += 1
            met.example = met.example or finding.path
        else:
            found[finding.rule] = Met(1, finding.path)
    return found


def verdict(summaries: Iterable[Summary]) -> ExitCode:
    """Return 4 where something blocks at a target, 3 where something is to be decided, else 0."""
    severities = {rule.severity for summary in summaries for rule in summary}
    if Severity.BLOCKS in severities:
        return ExitCode.GATE
    return ExitCode.INCOMPLETE if Severity.DECIDE in severities else ExitCode.DONE
