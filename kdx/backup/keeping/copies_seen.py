"""What the ledger and the vault know of the copies of each share: the evidence for kdx.backup.keeping.copies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kdx.backup.keeping.copies import DRILLED, VERIFIED, Cell, Check, Kept, cells
from kdx.backup.keeping.status import ShareStatus
from kdx.config.location import parse_location
from kdx.config.model import Board, Share
from kdx.state.events.saving import DrillFinished, LocksAudited, StoreTried, VaultCopied, VaultVerified
from kdx.state.ledger import Recorded

Present = Callable[[str], Iterable[Recorded]]
"""Given the kind of an event, the newest one of each subject."""


@dataclass(frozen=True, slots=True)
class ShareCopies:
    """How 3-2-1-1-0 stands for one share."""

    share: Share
    cells: tuple[Cell, ...]


def copies_of(
    board: Board, vault: str, found: Sequence[ShareStatus], present: Present, now: datetime
) -> Iterator[ShareCopies]:
    """Yield how the rule stands for each share of `found`; `vault` is the id of the vault they lie in."""
    tried = {each.subject: (bool(each.body["protects"]), each.time) for each in present(StoreTried.kind)}
    audits = {each.subject: (each.body["exit_code"] == 0, each.time) for each in present(LocksAudited.kind)}
    copied = [each for each in present(VaultCopied.kind) if each.body["vault"] == vault and not each.body["exit_code"]]
    sites = {str(target.location): target.site for target in (*board.targets, *((board.vault,) if board.vault else ()))}

    def kept(place: str, filled: datetime, share: Share) -> Kept:
        audited = audits.get(f"{place} {share.school}")
        return Kept(parse_location(place), filled, sites.get(place, ""), tried.get(place), audited)

    for each in found:
        share, good = each.share, each.standing.good_at
        home = kept(str(board.vault.location), good, share) if board.vault and good else None
        others = [kept(str(copy.body["place"]), copy.time, share) for copy in copied if good]
        checks = [*_checks(present(VaultVerified.kind), VERIFIED, share.school, vault, "findings")]
        checks += _checks(present(DrillFinished.kind), DRILLED, share.id, vault, "mismatches")
        yield ShareCopies(share, tuple(cells(home, others, checks, now)))


def _checks(events: Iterable[Recorded], what: str, subject: str, vault: str, errors: str) -> Iterator[Check]:
    for each in events:
        if each.subject == subject and each.body["vault"] == vault:
            yield Check(what, int(each.body[errors]), each.time)
