"""Between the first look and the move: what targets say about a share, and what the school answers.

A decisions file is judged as a whole before anything of it is believed: every mistake is told at once, and one mistake
means that nothing is changed. What was accepted stays with the migration's records; the file is not needed again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from kdx.config.location import parse_location
from kdx.config.model import Board, School, Share, Target
from kdx.config.naming import UnknownName, nearest_names
from kdx.errors import GateClosed, UsageMistake
from kdx.inventory.assess.answers import Answer, Answers, Written, complain, read_answers
from kdx.inventory.assess.assessment import assess, place_at
from kdx.inventory.assess.decisions import Decided, Decisions, finding_id
from kdx.inventory.assess.finding import Finding, Severity
from kdx.inventory.assess.inside import Inside, look_inside
from kdx.inventory.assess.profile import Profile, RuleTables, load_tables
from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.overview import last_catalog
from kdx.language import N_, _
from kdx.migration import Migration, open_migration
from kdx.progress import SILENT, Progress
from kdx.remotes import place_of_share, place_of_target, profile_behind
from kdx.remotes.interface import Entry
from kdx.state.events.moving import DecisionsTaken
from kdx.state.folder import StateFolder
from kdx.transfer.records import digest_of

MISTAKES_SHOWN = 100
OPEN = "undecided"
"""Counted for entries that still need a decision."""


class DecisionsWrong(GateClosed):
    """A decisions file holds mistakes; all of them are told."""

    message = N_("{file} was not accepted; nothing was changed. Mistakes: {count}\n{listed}")
    advice = N_("Correct these rows and give the file again.")


class UnknownTarget(UsageMistake):
    """What a share is to be judged against is not known."""

    message = N_("{name!r} is neither a target of kdx.yml nor a profile of rules/targets.yml.")
    advice = N_("Nearest: {nearest}. All of them: {known}.")


@dataclass(frozen=True, slots=True)
class Against:
    """One target a share is judged against; `name` is a target of the board, an address or a profile."""

    name: str
    profile: Profile
    place: str
    """What stands before every path there."""
    decided: Decisions


@dataclass(frozen=True, slots=True)
class Assessed:
    """A share's last catalog and the targets it is held against."""

    school: School
    share: Share
    catalog: Catalog
    tables: RuleTables
    against: tuple[Against, ...]
    inside: Mapping[str, Sequence[Inside]] | None = None
    """What was found in files, by path; None where nobody looked."""

    def findings(self, one: Against) -> Iterator[Finding]:
        """Yield what the share meets at one of the targets."""
        return assess(self.catalog, one.profile, one.place, self.tables, one.decided, self.inside or {})


@dataclass(frozen=True, slots=True)
class File:
    """A decisions file as it was read."""

    name: str
    sha256: str
    rows: Sequence[Written]


@dataclass(frozen=True, slots=True)
class Taken:
    """A decisions file that was accepted."""

    file: File
    counts: dict[str, int]
    """Answers by decision, and OPEN."""
    elsewhere: int
    """Rows for other targets, passed over."""
    decided: int
    decisions_sha256: str
    profile: Profile

    def event(self, names: dict[str, str]) -> DecisionsTaken:
        """Return what the ledger keeps of it."""
        return DecisionsTaken(
            **names,
            file=self.file.name,
            file_sha256=self.file.sha256,
            counts=self.counts,
            decided=self.decided,
            decisions_sha256=self.decisions_sha256,
            profile=self.profile.name,
            rules=self.profile.version,
        )


def open_assessment(
    board: Board, state: StateFolder, school: str, share: str | None, names: Sequence[str]
) -> Assessed:
    """Return a share's last catalog and the targets that `names` mean; all that are configured where none is named,
    all profiles where none is configured."""
    found = board.share(school, share)
    tables = load_tables(board.folder)
    names = names or [target.name for target in board.targets] or list(tables.profiles)
    return Assessed(
        school=board.school(found.school),
        share=found,
        catalog=last_catalog(found, state),
        tables=tables,
        against=tuple(_against(board, state, found, name, tables) for name in dict.fromkeys(names)),
    )


def look_inside_files(
    assessed: Assessed, board: Board, take: Callable[[int], None], progress: Progress = SILENT
) -> Assessed:
    """Return the assessment with what is inside the share's Office files. `take` is told of every byte that is read."""
    found: dict[str, list[Inside]] = {}
    progress.start(N_("Looking inside"), None, "entries")
    try:
        with closing(place_of_share(board, assessed.share).open()) as remote:
            for one in look_inside(_counted(assessed.catalog.entries(), progress), remote, take):
                found.setdefault(one.path, []).append(one)
    finally:
        progress.done()
    return replace(assessed, inside=found)


def _counted(entries: Iterable[Entry], progress: Progress) -> Iterator[Entry]:
    for entry in entries:
        progress.advance(1)
        yield entry


def _against(board: Board, state: StateFolder, share: Share, name: str, tables: RuleTables) -> Against:
    configured = [target.name for target in board.targets]
    if name in tables.profiles and name not in configured:
        # no target of this kind is there yet: only the school and the share stand before a path
        nowhere = Target(name, parse_location("s3://profile"), profile=name)
        return Against(name, tables.profiles[name], place_at(nowhere, share), {})
    try:
        target = board.target(name)
    except UnknownName as error:
        known = [*configured, *tables.profiles]
        near = ", ".join(nearest_names(name, known)) or "-"
        raise UnknownTarget(name=name, nearest=near, known=", ".join(known)) from error
    decided = open_migration(board, state, share.school, share.id, name).records.decided()
    profile = tables.profile_of(target, profile_behind(place_of_target(board, target)))
    return Against(target.name, profile, place_at(target, share), decided)


def take_decisions(migration: Migration, file: File) -> Taken:
    """Judge a decisions file against the share's last catalog and keep what it says. DecisionsWrong tells all mistakes.

    What the file says about an entry replaces what was decided before; other decisions stay.
    """
    tables = load_tables(migration.inventory)
    profile = tables.profile_of(migration.target, profile_behind(migration.root))
    place = place_at(migration.target, migration.share)
    with migration.locked():
        catalog = last_catalog(migration.share, migration.state)
        answers = read_answers(file.rows, frozenset((migration.target.name, profile.name)))
        met = _meet(answers, catalog, migration.share, profile)
        decided = migration.records.decided()
        decided.update((path, _decided(path, answer)) for path, answer in met.items())
        still_open = _judge(answers, met, assess(catalog, profile, place, tables, decided))
        if answers.mistakes:
            raise _wrong(file, answers.mistakes)
        about = {"file": file.name, "file_sha256": file.sha256, "profile": profile.name, "rules": profile.version}
        migration.records.write_decisions(decided.values(), about)
        digest = digest_of(migration.records.decisions)
    counts = Counter(str(answer.decision) for answer in answers.given.values())
    if still_open:
        counts[OPEN] = still_open
    return Taken(file, dict(counts), answers.elsewhere, len(decided), digest, profile)


def _meet(answers: Answers, catalog: Catalog, share: Share, profile: Profile) -> dict[str, Answer]:
    """Return the answers by the path of their entry; note those that mean none."""
    waiting = {**answers.given}
    met: dict[str, Answer] = {}
    for entry in catalog.entries() if waiting else ():
        if answer := waiting.pop(finding_id(share.id, profile.name, entry.path), None):
            met[entry.path] = answer
    for key, answer in waiting.items():
        gone = key == finding_id(share.id, profile.name, answer.path)
        text = _("{path} is no longer in the share.") if gone else _("{id} is no number of this share and target.")
        complain(answers, answer.row, text.format(path=answer.path, id=key))
    return met


def _judge(answers: Answers, met: Mapping[str, Answer], findings: Iterable[Finding]) -> int:
    """Note every answer the target cannot carry out: kept or renamed to what it cannot hold.

    Returns how many entries are still to be decided.
    """
    still_open: set[str] = set()
    for finding in findings:
        answer = met.get(finding.path)
        if answer and finding.severity == Severity.BLOCKS:
            text = _("as {name} the target cannot hold it: {what} ({detail}).")
            name = answer.name or answer.path.rpartition("/")[2]
            complain(answers, answer.row, text.format(name=name, what=_(finding.rule.sentence), detail=finding.detail))
        elif finding.path and finding.severity != Severity.NOTE:
            still_open.add(finding.path)
    return len(still_open)


def _decided(path: str, answer: Answer) -> Decided:
    return Decided(path, answer.decision, answer.name, answer.office, answer.reason)


def _wrong(file: File, mistakes: Sequence[str]) -> DecisionsWrong:
    listed = list(mistakes[:MISTAKES_SHOWN])
    if len(mistakes) > len(listed):
        listed.append(_("… and {count} more").format(count=f"{len(mistakes) - len(listed):,}"))
    return DecisionsWrong(file=file.name, count=len(mistakes), listed="\n".join(f"  {line}" for line in listed))
