"""3-2-1-1-0: one line a case, and nothing is said that was not seen."""

from datetime import UTC, datetime, timedelta

import pytest

from kdx.backup.keeping.copies import COPY_IS_OLD, DRILLED, VERIFIED, Check, Kept, Rule, cells
from kdx.config.location import parse_location

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LAST_NIGHT, DAY = NOW - timedelta(hours=5), timedelta(days=1)
AWS, OWN = "s3://vault/v?region=ap-northeast-1", "s3://vault/v?endpoint=http://127.0.0.1:9000"
OLD = NOW - COPY_IS_OLD - DAY
HELD, SHORT = (True, NOW - DAY), (False, NOW)


def kept(place: str, **facts: object) -> Kept:
    return Kept(**{"location": parse_location(place), "filled": LAST_NIGHT, **facts})  # type: ignore[arg-type]


def answers(vault: Kept | None, *copies: Kept, checks: tuple[Check, ...] = ()) -> tuple[bool | None, ...]:
    return tuple(cell.holds for cell in cells(vault, copies, checks, NOW))


@pytest.mark.parametrize(
    ("vault", "copies", "expected"),
    [
        (None, (), (False, False, False, False, None)),
        (kept("/srv/vault"), (), (False, None, None, False, None)),
        (kept("/srv/vault"), (kept("/media/usb"),), (True, None, None, False, None)),
        (kept("/srv/vault", site="市役所 3階"), (), (False, None, True, False, None)),
        (kept(OWN), (), (False, True, None, None, None)),
        (kept(OWN, tried=HELD), (), (False, True, None, True, None)),
        (kept(OWN, tried=(False, NOW)), (), (False, True, None, False, None)),
        (kept(OWN, tried=HELD, audited=SHORT), (), (False, True, None, False, None)),
        (kept(OWN, tried=HELD, audited=HELD), (), (False, True, None, True, None)),
        (kept("/srv/vault"), (kept(AWS, tried=HELD),), (True, True, True, True, None)),
        (kept("/srv/vault"), (kept(AWS, filled=OLD, tried=HELD),), (False, None, None, False, None)),
    ],
    ids=[
        "nothing", "a folder", "two folders", "a folder in the town hall", "a store nobody tried", "a store that held",
        "a store that did not hold", "a lock that is missing", "locks that are there", "a folder and a provider",
        "a copy that is old",
    ],
)
def test_each_rule_holds_only_where_it_was_seen(
    vault: Kept | None, copies: tuple[Kept, ...], expected: tuple[bool | None, ...]
) -> None:
    assert answers(vault, *copies) == expected


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ((), None), ((Check(VERIFIED, 0, NOW), Check(DRILLED, 0, NOW)), True), ((Check(DRILLED, 0, NOW),), True),
        ((Check(VERIFIED, 0, NOW), Check(DRILLED, 1, NOW)), False),
    ],
)
def test_zero_errors_needs_that_something_was_read_back(checks: tuple[Check, ...], expected: bool | None) -> None:
    assert answers(kept(AWS), checks=checks)[-1] is expected


def test_every_cell_says_how_it_is_known_and_when() -> None:
    found = cells(kept(OWN, tried=HELD), [kept("/media/usb")], [Check(DRILLED, 0, NOW)], NOW)
    assert [cell.rule for cell in found] == list(Rule)
    assert found[0].count == 3
    assert all(cell.evidence for cell in found)
    assert [evidence.at for evidence in found[3].evidence] == [NOW - DAY, None]
