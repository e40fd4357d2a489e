"""Ten years of a school's vault in one go: nights, outages, clocks that jump, suspect runs, 年度更新, sweeps and locks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.backup.format.names import SnapshotName
from kdx.backup.format.seal import State
from kdx.backup.keeping.audit import longer
from kdx.backup.keeping.retention import FUTURE, Snapshot, decide
from kdx.backup.keeping.sweep import Mark, is_spent, to_mark, to_remove
from kdx.config.model import Keep

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2026, 4, 1, 13, tzinfo=UTC)
DAY = timedelta(days=1)
TERM = 35 * DAY
RULES = (Keep(days=7, weeks=4, months=12, years=5, minimum=3), Keep(1, 0, 0, 1, 5), Keep(0, 0, 0, 0, 3))


@dataclass
class Vault:
    """Names only: what is there since when, until when it is locked, and what each snapshot needs."""

    stored: dict[str, datetime] = field(default_factory=dict)
    locked: dict[str, datetime] = field(default_factory=dict)
    held: dict[SnapshotName, tuple[Snapshot, frozenset[str]]] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    keep: Keep = RULES[0]
    number: int = 0

    def run(self, contents: set[str], now: datetime, off: timedelta, state: State, decided: bool) -> None:
        """A night's backup: what is there and not marked is used again, the rest stored under a name of its own."""
        self.number += 1
        marked = frozenset[str]().union(*(mark.objects for mark in self.marks))
        needs = set()
        for content in contents:
            usable = [name for name in self.stored if name.startswith(f"{content}#") and name not in marked]
            name = usable[0] if usable else f"{content}#{self.number}"
            self.stored.setdefault(name, now)
            self.locked.setdefault(name, now + TERM)
            needs.add(name)
        name_ = SnapshotName(now + off, self.number)
        # its time is its own word or the store's, whichever is earlier
        self.held[name_] = Snapshot(name_, min(now + off, now), state, is_decided=decided), frozenset(needs)

    @property
    def needed(self) -> set[str]:
        return set().union(*(needs for _snapshot, needs in self.held.values()))

    def board(self, now: datetime) -> None:
        """The board's night: locks first, then what may go."""
        for name in self.needed & self.stored.keys():
            until = longer(self.locked[name], now, TERM)
            if until is not None:
                assert until > self.locked[name], "a lock was shortened"
                self.locked[name] = until
        for verdict in decide([snapshot for snapshot, _needs in self.held.values()], self.keep, now, TOKYO):
            if not verdict.stays:
                del self.held[verdict.snapshot.name]
        needed = self.needed
        for mark in list(self.marks):
            for name in to_remove(mark, self.stored.keys(), needed, now):
                # the store refuses what is locked
                if self.locked[name] <= now:
                    del self.stored[name], self.locked[name]
            if is_spent(mark, self.stored.keys(), needed, now):
                self.marks.remove(mark)
        new = to_mark(self.stored, needed, self.marks, now)
        if new:
            self.marks.append(Mark(str(now), now, frozenset(new)))


def good(vault: Vault, now: datetime) -> int:
    return sum(each.state == State.COMPLETE and each.time <= now + FUTURE for each, _needs in vault.held.values())


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3652),
        st.one_of(
            st.tuples(st.just("outage"), st.integers(1, 200)),
            st.tuples(st.just("no board"), st.integers(1, 60)),
            st.tuples(st.just("clock"), st.integers(-2000, 2000)),
            st.tuples(st.just("suspect"), st.integers(1, 40)),
            st.tuples(st.just("partial"), st.integers(1, 10)),
        ),
    ),
    max_size=25,
)


@settings(max_examples=8, deadline=None)
@given(EVENTS, st.integers(2, 5), st.sampled_from(RULES))
def test_in_ten_years_no_needed_object_goes_no_lock_is_shortened_and_the_good_ones_never_fall_below_the_minimum(
    events: list[tuple[int, tuple[str, int]]], step: int, keep: Keep
) -> None:
    """`step`: the school saves every so many nights. Contents: a shelf for each fiscal year, a book that changes."""
    vault, best = Vault(keep=keep), 0
    until: dict[str, tuple[int, int]] = {}
    waiting = dict(sorted(events))
    for day in range(0, 3653, step):
        now = START + day * DAY
        for when in [each for each in waiting if each <= day]:
            word, size = waiting.pop(when)
            until[word] = (day + (size if word not in ("clock",) else 3), size)
        active = {word: size for word, (end, size) in until.items() if day < end}
        year = (now.astimezone(TOKYO) - 90 * DAY).year
        # 年度更新: the oldest shelf goes, a new one comes
        contents = {f"shelf {shelf}" for shelf in range(year - 4, year + 1)} | {f"book {day // 30}"}
        if "outage" not in active:
            state = State.SUSPECT if "suspect" in active else State.PARTIAL if "partial" in active else State.COMPLETE
            vault.run(contents, now, active.get("clock", 0) * DAY, state, decided=day % 2 == 0)
        before = good(vault, now)
        if "no board" not in active:
            vault.board(now)
            assert all(vault.locked[name] - now >= TERM / 2 for name in vault.needed)
        assert vault.needed <= vault.stored.keys()
        best = min(vault.keep.minimum, max(best, before))
        assert good(vault, now) >= min(best, before)
    # and it does not keep everything for ever either
    assert len(vault.held) < 400


@given(st.none() | st.integers(-4000, 4000), st.integers(1, 3650))
def test_a_lock_is_only_ever_made_longer_and_only_when_less_than_half_of_it_remains(
    left: int | None, days: int
) -> None:
    term, until = days * DAY, None if left is None else START + left * DAY
    new = longer(until, START, term)
    if until is not None and until - START >= term / 2:
        assert new is None
    else:
        assert new == START + term and (until is None or new > until)
