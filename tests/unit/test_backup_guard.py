"""What makes a snapshot suspect, one line a case; and what never does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.backup.format.manifest import Held, Row, by_path, encode_row
from kdx.backup.saving.guard import Facts, Limits, difference, judge

OLD, NEW = "packs/aa/" + "aa" * 32 + ".tar.zst", "packs/bb/" + "bb" * 32 + ".tar.zst"
HELD = frozenset({OLD.encode()})
LIMITS = Limits()


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        (Facts(None, 0, 0), ["empty"]),
        (Facts(None, 5, 5), []),
        (Facts(None, 5, 5, marker_missing=True), ["marker"]),
        (Facts(100, 0, 0, gone=100, lost=100), ["empty", "gone"]),
        (Facts(100, 0, 3, gone=100, lost=10), ["gone"]),
        (Facts(100, 69, 69, gone=31, lost=31), ["gone"]),
        (Facts(100, 70, 70, gone=30, lost=30), []),
        (Facts(100, 90, 90, gone=100, lost=10), []),
        (Facts(20, 1, 1, gone=19, lost=19), []),
        (Facts(100, 100, 100, changed=31, rewritten=31), ["changed"]),
        (Facts(100, 100, 100, changed=100, rewritten=30), []),
        (Facts(1000, 2001, 2001, new=1001, fresh=1001), ["new"]),
        (Facts(100, 1000, 1000, new=900, fresh=900), []),
        (Facts(1000, 1000, 1000, renamed=21), ["renamed"]),
        (Facts(1000, 1000, 1000, renamed=20), []),
        (Facts(1000, 1000, 1000, dense=21), ["entropy"]),
    ],
)
def test_each_guard_speaks_from_its_limit_on(facts: Facts, reasons: list[str]) -> None:
    assert [reason.split(" ")[0] for reason in judge(facts, LIMITS)] == reasons


def rows(files: dict[str, tuple[int, str, int]]) -> list[Held]:
    """Path -> (content number, object, stored length of a file of 10,000 bytes)."""
    ordered = sorted(files, key=lambda path: path.encode().split(b"/"))
    return list(
        by_path(
            encode_row(Row("file", f"{number:064x}", 10_000, 0, "", "", place, 0, length, path, ""))
            for path in ordered
            for number, place, length in (files[path],)
        )
    )


def test_a_school_that_is_encrypted_in_one_night_is_suspect_for_every_reason() -> None:
    before = {f"令和7年度/{n:03}.doc": (n, OLD, 3_000) for n in range(200)}
    after = {f"{path}.locked": (1000 + number, NEW, 10_240) for path, (number, _, _) in before.items()}
    facts = replace(difference(rows(before), rows(after), HELD), before=200, now=200, entries=200)
    assert (facts.lost, facts.fresh, facts.renamed, facts.dense, facts.endings["locked"]) == (200, 200, 200, 200, 200)
    assert [reason.split(" ")[0] for reason in judge(facts)] == ["gone", "renamed", "endings", "entropy"]


def test_files_encrypted_where_they_lie_are_suspect() -> None:
    before = {f"{n:03}.xls": (n, OLD, 3_000) for n in range(200)}
    after = {path: (1000 + number, NEW, 10_240) for path, (number, _, _) in before.items()}
    facts = replace(difference(rows(before), rows(after), HELD), before=200, now=200, entries=200)
    assert [reason.split(" ")[0] for reason in judge(facts)] == ["changed", "entropy"]


def test_ordinary_rewriting_compresses_as_before_and_is_no_entropy() -> None:
    before = {f"{n:03}.xls": (n, OLD, 3_000) for n in range(200)}
    after = {path: (1000 + number, NEW, 3_100) for path, (number, _, _) in before.items()}
    assert difference(rows(before), rows(after), HELD).dense == 0


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=6).filter(
            lambda name: name not in (".", "..")
        ),
        st.integers(0, 5), min_size=1, max_size=60,
    ),
    st.sampled_from(["令和8年度", "R8", "旧"]),
)
def test_moving_everything_to_another_year_is_never_a_change(names: dict[str, int], folder: str) -> None:
    before = {f"令和7年度/{name}": (number, OLD, 3_000) for name, number in names.items()}
    after = {f"{folder}/{name}": value for name, value in zip(names, before.values(), strict=True)}
    facts = replace(
        difference(rows(before), rows(after), HELD), before=len(before), now=len(after), entries=len(after)
    )
    assert (facts.lost, facts.fresh, facts.rewritten, facts.renamed, facts.dense) == (0, 0, 0, 0, 0)
    assert judge(facts) == []


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_of_anything_never_makes_a_snapshot_less_suspect(before: int, now: int, count: int, more: int) -> None:
    for name in ("lost", "rewritten", "fresh", "renamed", "dense"):
        few = judge(Facts(before=before, now=now, entries=now, **{name: count}))
        many = judge(Facts(before=before, now=now, entries=now, **{name: count + more}))
        assert bool(few) <= bool(many)
