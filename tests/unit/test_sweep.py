"""Ten years of runs, long runs, marks and sweeps: an object that a snapshot needs is never removed."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.backup.keeping.sweep import WAIT, YOUNG, Mark, is_spent, to_mark, to_remove

START = datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_object_waits_14_days_from_its_mark_and_two_from_its_birth() -> None:
    mark = Mark("m", START, frozenset({"a", "b", "c"}))
    assert to_remove(mark, {"a", "b"}, {"b"}, START + WAIT) == ["a"]
    assert to_remove(mark, {"a", "b"}, {"b"}, START + WAIT - timedelta(seconds=1)) == []
    stored = {"a": START, "d": START, "e": START, "young": START + YOUNG - timedelta(seconds=1)}
    assert to_mark(stored, {"e"}, [mark], START + YOUNG) == ["d"]


def test_a_mark_is_spent_when_its_time_is_over_and_only_needed_objects_are_left() -> None:
    mark = Mark("m", START, frozenset({"a", "b"}))
    assert is_spent(mark, {"b", "x"}, {"b"}, START + WAIT)
    assert not is_spent(mark, {"a", "b"}, {"b"}, START + WAIT)
    assert not is_spent(mark, {"b"}, {"b"}, START + DAY)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sets(st.integers(0, 6), min_size=1, max_size=4)),
        st.tuples(st.just("seal"), st.integers(0, 3)),
        st.tuples(st.just("let go"), st.integers(0, 3)),
        st.tuples(st.just("sweep"), st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 20) | st.integers(100, 400)),
    ),
    max_size=120,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_whatever_runs_and_sweeps_do_in_whatever_order_every_snapshot_stays_whole(
    steps: list[tuple[str, object]],
) -> None:
    """A run: sees what is there and not marked, stores the rest under names of its own, and seals if all of it is there
    and nothing of it was marked since. Contents are numbers; an object is named by its content and who stored it.
    """
    now, number = START, 0
    stored: dict[str, datetime] = {}
    marks: list[Mark] = []
    snapshots: list[set[str]] = []
    running: list[tuple[set[str], frozenset[str]]] = []
    for word, given_ in steps:
        now += timedelta(minutes=1)
        marked = frozenset[str]().union(*(mark.objects for mark in marks))
        if word == "begin":
            needs = set()
            for content in given_:  # type: ignore[attr-defined]
                usable = [name for name in stored if name.startswith(f"{content}-") and name not in marked]
                number += 1
                needs.add(usable[0] if usable else f"{content}-{number}")
                stored.setdefault(usable[0] if usable else f"{content}-{number}", now)
            running.append((needs, marked))
        elif word == "seal" and running:
            needs, known = running.pop(given_ % len(running))  # type: ignore[operator]
            if needs <= stored.keys() and not needs & (marked - known):
                snapshots.append(needs)
        elif word == "let go" and len(snapshots) > 1:
            snapshots.pop(given_ % len(snapshots))  # type: ignore[operator]
        elif word == "wait":
            now += given_ * DAY  # type: ignore[operator]
        elif word == "sweep":
            needed = set().union(*snapshots)
            for mark in list(marks):
                for name in to_remove(mark, stored.keys(), needed, now):
                    del stored[name]
                if is_spent(mark, stored.keys(), needed, now):
                    marks.remove(mark)
            new = to_mark(stored, needed, marks, now)
            if new and given_:
                marks.append(Mark(str(now), now, frozenset(new)))
        for needs in snapshots:
            assert needs <= stored.keys()
