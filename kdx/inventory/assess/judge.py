"""A catalog held against one target: findings, folder by folder. Pure; holds the entries of one folder at a time.

Entries come folder by folder, a folder before what lies in it, so that a folder's new name is known when its contents
are measured.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from kdx.inventory.assess.amounts import Amounts
from kdx.inventory.assess.circumstances import LEFT_ALONE, OPEN
from kdx.inventory.assess.decisions import Decided, Decision, Decisions, name_there
from kdx.inventory.assess.finding import Finding, Row, Rule, Seen, Severity, cite
from kdx.inventory.assess.inside import Inside
from kdx.inventory.assess.personal import PERSONAL, PersonalNames
from kdx.inventory.assess.profile import Profile
from kdx.inventory.assess.rename import propose, taken_names
from kdx.inventory.assess.rights import RIGHTS
from kdx.inventory.assess.twins import twins
from kdx.inventory.names import readable
from kdx.inventory.open_files import is_owner_file, locked_by
from kdx.remotes.interface import LEFT_BY_RULE, Entry, Kind


NOT_LOOKED: Mapping[str, Sequence[Inside]] = {}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the entries of a share are judged by."""

    profile: Profile
    place: str
    """What the target puts before every path."""
    personal: PersonalNames
    decided: Decisions
    inside: Mapping[str, Sequence[Inside]]
    """What was found in files, by path."""
    narrowed: Mapping[str, str]
    """Who is kept out of which folder that the one around it lets in, by path."""


class Above(NamedTuple):
    """What holds for everything in a folder."""

    there: str
    """The folder at the target, with what the target puts before it; ends with `/` or is empty."""
    flagged: bool = False
    """Its name spoke of personal data already."""
    left: bool = False
    """It is not moved, by decision."""


def judge(entries: Iterable[Entry], terms: Terms) -> Iterator[Finding]:
    """Given a share's entries folder by folder, yield what a person must know or decide, in that order.

    Entries are judged as they would stand at the target after what was decided; what was decided is not asked again,
    but what the target cannot hold is said even so.
    """
    yield from _judge_place(terms.profile, terms.place)
    # only folders for which something else holds than for their parent
    above: dict[str, Above] = {}
    amounts = Amounts()
    for folder, group in groupby(entries, key=lambda entry: entry.path.rpartition("/")[0]):
        here = above.get(folder) or Above(f"{terms.place}{readable(folder)}/" if folder else terms.place)
        going, left = _look_around(list(group), folder, here, terms.decided, above)
        for seen in going:
            amounts.note(seen, terms.profile.rows)
        yield from _judge_folder(going, left, here, terms, above)
    yield from amounts.findings(terms.profile.rows)


def _judge_place(profile: Profile, place: str) -> Iterator[Finding]:
    """Yield what the target cannot hold of the share's own name: no decision about an entry mends that."""
    parent, _slash, name = place.rstrip("/").rpartition("/")
    if name:
        share = Seen(Entry("", Kind.DIRECTORY), name, f"{parent}/", 1)
        found = _by_itself(share, profile)
        yield from (finding for finding in found if finding.severity == Severity.BLOCKS)


def _look_around(
    entries: Sequence[Entry], folder: str, here: Above, decided: Decisions, above: dict[str, Above]
) -> tuple[list[Seen], list[Seen]]:
    """Part the entries of a folder into those that would be moved and those left by rule; drop those decided so."""
    depth = folder.count("/") + 1 if folder else 0
    going: list[Seen] = []
    left: list[Seen] = []
    for entry in entries:
        answer = decided.get(entry.path)
        if here.left or (answer and answer.decision in (Decision.SKIP, Decision.WAIT)):
            if entry.kind == Kind.DIRECTORY:
                above[entry.path] = Above(here.there, left=True)
            continue
        name = name_there(entry.path, answer)
        seen = Seen(entry, name, here.there, depth)
        stays = entry.kind == Kind.LINK or entry.skip in LEFT_BY_RULE
        (left if stays else going).append(seen)
    return going, left


def _judge_folder(
    going: Sequence[Seen], left: Sequence[Seen], here: Above, terms: Terms, above: dict[str, Above]
) -> Iterator[Finding]:
    profile = terms.profile
    found = [_by_itself(seen, profile) + _by_content(seen, terms) + _by_rights(seen, terms) for seen in going]
    _note_open(going, left, profile, found)
    giving_way = set()
    for index, finding, gives_way in twins(going, profile.rows):
        found[index].append(finding)
        if gives_way:
            giving_way.add(index)
    taken = None
    for index, (seen, findings) in enumerate(zip(going, found)):
        flagged = here.flagged or _note_personal(seen, terms, findings)
        kept = [finding for finding in findings if _is_asked(finding, terms.decided.get(seen.entry.path))]
        proposal = ""
        if kept and (index in giving_way or any(finding.rule.mend for finding in kept)):
            taken = taken_names(going) if taken is None else taken
            proposal = propose(seen, profile, taken)
        yield from (finding._replace(proposal=proposal) for finding in kept)
        if seen.is_folder:
            _remember(seen, here, flagged, proposal if _blocked(kept) else "", above)
    for seen in left:
        yield from _by_itself(seen, profile, LEFT_ALONE)


def _by_itself(seen: Seen, profile: Profile, only: Sequence[Rule] = ()) -> list[Finding]:
    entry = seen.entry
    return [
        Finding(rule, entry.path, detail, cite(row), kind=entry.kind)
        for rule, row, find in profile.one_entry
        if (not only or rule in only) and (detail := find(seen, row))
    ]


def _by_content(seen: Seen, terms: Terms) -> list[Finding]:
    rows = terms.profile.rows
    return [
        Finding(one.rule, one.path, one.detail, cite(rows[one.rule]), kind=seen.entry.kind)
        for one in terms.inside.get(seen.entry.path, ())
        if one.rule in rows
    ]


def _by_rights(seen: Seen, terms: Terms) -> list[Finding]:
    kept_out, row = terms.narrowed.get(seen.entry.path), terms.profile.rows.get(RIGHTS)
    if not kept_out or row is None or row.rights:
        return []
    return [Finding(RIGHTS, seen.entry.path, kept_out, cite(row), kind=seen.entry.kind)]


def _note_personal(seen: Seen, terms: Terms, findings: list[Finding]) -> bool:
    """Add the finding where a name speaks of personal data; return whether it does."""
    if PERSONAL not in terms.profile.rows or not (word := terms.personal.find(seen.name)):
        return False
    findings.append(Finding(PERSONAL, seen.entry.path, *word, kind=seen.entry.kind))
    return True


def _note_open(
    going: Sequence[Seen], left: Sequence[Seen], profile: Profile, found: Sequence[list[Finding]]
) -> None:
    row: Row | None = profile.rows.get(OPEN)
    names = [seen.name for seen in (*going, *left)]
    owners = [name for name in names if is_owner_file(name)] if row else []
    if not owners or not row:
        return
    held = {name: owner for owner in owners for name in locked_by(owner, names)}
    for seen, findings in zip(going, found):
        if owner := held.get(seen.name):
            findings.append(Finding(OPEN, seen.entry.path, owner, cite(row), kind=seen.entry.kind))


def _is_asked(finding: Finding, answer: Decided | None) -> bool:
    """Whether a finding stands after a decision: only what the target cannot hold does."""
    return answer is None or finding.severity == Severity.BLOCKS


def _blocked(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == Severity.BLOCKS for finding in findings)


def _remember(seen: Seen, here: Above, flagged: bool, proposal: str, above: dict[str, Above]) -> None:
    """Keep what holds below a folder, where that is not what its path says."""
    there = f"{here.there}{proposal or seen.name}/"
    path = seen.entry.path
    # a folder below one that is kept here must be kept too
    if flagged or proposal or path.rpartition("/")[0] in above or seen.name != path.rpartition("/")[2]:
        above[path] = Above(there, flagged)
