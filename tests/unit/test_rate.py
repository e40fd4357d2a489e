"""What a job may take of a school's line: the scheduler's word while it speaks, the rate of lessons else."""

import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share
from kdx.config.scheduling import OwnLine, Scheduling
from kdx.schedule.rate import rate_of
from kdx.schedule.wan import part_of_line
from kdx.state.folder import StateFolder
from kdx.state.limits import NAME, SPEAKS_SECONDS, write_limits
from kdx.transfer.budget import Weight

TOKYO = ZoneInfo("Asia/Tokyo")
LESSON = datetime(2026, 11, 25, 10, tzinfo=TOKYO)
EVENING = datetime(2026, 11, 25, 19, tzinfo=TOKYO)
SUNDAY = datetime(2026, 11, 29, 10, tzinfo=TOKYO)
CLASS_RATE = 10_000_000 // 8
FAR = Share("es-1", "共有", "es", "fs", parse_location("smb://u@fs/kyoyu"), IgnoreRules("1", ()))
NEAR = replace(FAR, location=parse_location("/srv/share"))


def now_allowed(tmp_path: Path, share: Share, at: datetime, most: int | None = None) -> int | None:
    board = Board("試験市教育委員会", tmp_path, (School("es", "試験小", servers=(Server("fs", (share,)),)),))
    rate = rate_of(board, StateFolder(tmp_path / "state"), share, most, lambda: at)
    return rate()


@pytest.mark.parametrize(
    ("share", "at", "most", "allowed"),
    [
        (FAR, LESSON, None, CLASS_RATE),
        (FAR, LESSON, 1000, 1000),
        (FAR, LESSON, 10 * CLASS_RATE, CLASS_RATE),
        (FAR, EVENING, None, None),
        (FAR, EVENING, 1000, 1000),
        (FAR, SUNDAY, None, None),
        (NEAR, LESSON, None, None),
    ],
)
def test_lessons_keep_their_line_and_a_person_may_only_ask_for_less(
    tmp_path: Path, share: Share, at: datetime, most: int | None, allowed: int | None
) -> None:
    assert now_allowed(tmp_path, share, at, most) == allowed


def test_a_school_with_a_line_of_its_own_takes_no_more_than_that_at_any_hour(tmp_path: Path) -> None:
    rules = Scheduling(schools={"es": OwnLine(line=500_000, class_rate=100_000)})
    for share, at, allowed in ((FAR, EVENING, 500_000), (FAR, LESSON, 100_000), (NEAR, EVENING, None)):
        board = Board("試験市教育委員会", tmp_path, (), schedule=rules)
        assert rate_of(board, StateFolder(tmp_path / "state"), share, None, lambda: at)() == allowed


def test_jobs_that_cross_the_boards_line_share_it_and_those_on_this_machine_do_not(tmp_path: Path) -> None:
    board = Board("試験市教育委員会", tmp_path, (), schedule=Scheduling(wan=900))
    state, places = StateFolder(tmp_path / "state"), (FAR.location, parse_location("/target"))
    with part_of_line(board, state, Weight.MIGRATION, lambda: None, *places) as first:
        with part_of_line(board, state, Weight.BACKUP, lambda: None, *places) as second:
            assert (first(), second()) == (300, 600)
            with part_of_line(board, state, Weight.RESTORE, lambda: None, NEAR.location) as here:
                assert here() is None


def test_the_schedulers_word_holds_while_it_speaks(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    write_limits(state, {"es": 5_000_000})
    assert now_allowed(tmp_path, FAR, LESSON) == now_allowed(tmp_path, NEAR, EVENING) == 5_000_000
    old = time.time() - SPEAKS_SECONDS - 1
    os.utime(state.schedule() / NAME, (old, old))
    assert now_allowed(tmp_path, FAR, LESSON) == CLASS_RATE
    assert now_allowed(tmp_path, NEAR, EVENING) is None
