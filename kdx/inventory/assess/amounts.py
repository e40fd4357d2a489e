"""Rules on a share as a whole: how many items, how many bytes a day, how many files a target changes or cannot open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kdx.inventory.assess.finding import Finding, Row, Rule, Seen, Severity, cite
from kdx.language import N_, _
from kdx.remotes.interface import Kind

ITEMS = Rule("too-many", Severity.BLOCKS, N_("more items than the target holds"), needs=("most",))
QUOTA = Rule("daily-quota", Severity.NOTE, N_("more bytes than the target takes in a day"), needs=("most",))
REWRITTEN = Rule(
    "rewritten", Severity.NOTE, N_("files the target rewrites: size and digest will differ"), needs=("endings",)
)
DESKTOP = Rule(
    "desktop-only", Severity.NOTE, N_("files that open only with a program on the computer"), needs=("endings",)
)
BY_ENDING = (REWRITTEN, DESKTOP)
RULES = (ITEMS, QUOTA, *BY_ENDING)


@dataclass(slots=True)
class Amounts:
    """Counts what goes by; asked once at the end."""

    items: int = 0
    bytes: int = 0
    rewritten: int = 0
    desktop: int = 0

    def note(self, seen: Seen, rows: Mapping[Rule, Row]) -> None:
        """Count one entry that would be moved."""
        self.items += 1
        self.bytes += seen.entry.size
        if seen.entry.kind == Kind.FILE:
            ending = seen.name.rpartition(".")[2].lower()
            if (row := rows.get(REWRITTEN)) and ending in row.endings:
                self.rewritten += 1
            if (row := rows.get(DESKTOP)) and ending in row.endings:
                self.desktop += 1

    def findings(self, rows: Mapping[Rule, Row]) -> Iterator[Finding]:
        """Yield what the sums say about the share."""
        if (row := rows.get(ITEMS)) and self.items > row.most:
            yield Finding(ITEMS, "", f"{self.items:,} > {row.most:,}", cite(row))
        if (row := rows.get(QUOTA)) and self.bytes > row.most:
            days = -(-self.bytes // row.most)
            yield Finding(QUOTA, "", _("at least {count} days").format(count=f"{days:,}"), cite(row))
        for rule, count in ((REWRITTEN, self.rewritten), (DESKTOP, self.desktop)):
            if (row := rows.get(rule)) and count:
                yield Finding(rule, "", _("{count} files").format(count=f"{count:,}"), cite(row))
