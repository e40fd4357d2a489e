"""Between the first look and the move: what targets say about a share, and what the school answers.

A decisions file is judged as a whole before anything of it is believed: every mistake is told at once, and one mistake
means that nothing is changed. What was accepted stays with the migration's records; the file is not needed again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdx.config.location import parse_location
from kdx.config.model import Board, School, Share, Target
from kdx.errors import GateClosed
from kdx.inventory.assess.answers import Answer, Answers, Written, complain, read_answers
from kdx.inventory.assess.assessment import assess, place_at
from kdx.inventory.assess.decisions import Decided, Decisions, finding_id
from kdx.inventory.assess.finding import Finding, Severity
from kdx.inventory.assess.profile import Profile, RuleTables, load_tables
from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.overview import last_catalog
from kdx.language import N_, _
from kdx.migration import Migration, open_migration
from kdx.state.events import DecisionsTaken
from kdx.state.folder import StateFolder
from kdx.transfer.records import digest_of

MISTAKES_SHOWN = 100
OPEN = "undecided"
"""Counted for rows without a decision."""


class DecisionsWrong(GateClosed):
    """A decisions file holds mistakes; all of them are told."""

    message = N_("{file} was not accepted; nothing was changed. Mistakes: {count}\n{listed}")
    advice = N_("Correct these rows and give the file again.")


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

    def findings(self, one: Against) -> Iterator[Finding]:
        """Yield what the share meets at one of the targets."""
        return assess(self.catalog, one.profile, one.place, self.tables, one.decided)


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
    """By decision, and OPEN."""
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


def _against(board: Board, state: StateFolder, share: Share, name: str, tables: RuleTables) -> Against:
    if name in tables.profiles and name not in {target.name for target in board.targets}:
        # no target of this kind is there yet: only the school and the share stand before a path
        nowhere = Target(name, parse_location("s3://profile"), profile=name)
        return Against(name, tables.profiles[name], place_at(nowhere, share), {})
    target = board.target(name)
    decided = open_migration(board, state, share.school, share.id, name).records.decided()
    return Against(target.name, tables.profile_of(target), place_at(target, share), decided)


def take_decisions(migration: Migration, file: File) -> Taken:
    """Judge a decisions file against the share's last catalog and keep what it says. DecisionsWrong tells all mistakes.

    What the file says about an entry replaces what was decided before; other decisions stay.
    """
    tables = load_tables(migration.inventory)
    profile, place = tables.profile_of(migration.target), place_at(migration.target, migration.share)
    with migration.locked():
        catalog = last_catalog(migration.share, migration.state)
        answers = read_answers(file.rows, frozenset((migration.target.name, profile.name)))
        met = _meet(answers, catalog, migration.share, profile)
        decided = migration.records.decided()
        decided.update((path, _decided(path, answer)) for path, answer in met.items())
        _judge(answers, met, assess(catalog, profile, place, tables, decided))
        if answers.mistakes:
            raise _wrong(file, answers.mistakes)
        about = {"file": file.name, "file_sha256": file.sha256, "profile": profile.name, "rules": profile.version}
        migration.records.write_decisions(decided.values(), about)
        digest = digest_of(migration.records.decisions)
    return Taken(file, _counts(answers), answers.elsewhere, len(decided), digest, profile)


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


def _judge(answers: Answers, met: Mapping[str, Answer], findings: Iterable[Finding]) -> None:
    """Note every answer the target cannot carry out: kept or renamed to what it cannot hold."""
    for finding in findings:
        if finding.severity == Severity.BLOCKS and (answer := met.get(finding.path)):
            text = _("as {name} the target cannot hold it: {what} ({detail}).")
            name = answer.name or answer.path.rpartition("/")[2]
            complain(answers, answer.row, text.format(name=name, what=_(finding.rule.sentence), detail=finding.detail))


def _decided(path: str, answer: Answer) -> Decided:
    return Decided(path, answer.decision, answer.name, answer.office, answer.reason)


def _counts(answers: Answers) -> dict[str, int]:
    counts = Counter(str(answer.decision) for answer in answers.given.values())
    counts[OPEN] = len(answers.open - set(answers.given))
    return dict(counts)


def _wrong(file: File, mistakes: Sequence[str]) -> DecisionsWrong:
    listed = list(mistakes[:MISTAKES_SHOWN])
    if len(mistakes) > len(listed):
        listed.append(_("… and {count} more").format(count=f"{len(mistakes) - len(listed):,}"))
    return DecisionsWrong(file=file.name, count=len(mistakes), listed="\n".join(f"  {line}" for line in listed))
