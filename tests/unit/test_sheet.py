"""The sheet on the wall says what the configuration says, leaves a line for the rest, and names commands that exist."""

import html
import re
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share, Target
from kdx.language import use_language
from kdx.report.sheet import fetch_line, sheet_page
from kdx.signing import PublicKey
from tests.unit.test_docs import parse

SHARE = Share("fs-1", "共有", "es", "fs", parse_location("/srv/share"), IgnoreRules("1", ()))
BOARD = Board(
    "試験市<b>教育委員会", Path(), (School("es", "試験小学校", servers=(Server("fs", (SHARE,)),)), School("jh", "試験中学校")),
    vault=Target("vault", parse_location("s3://bucket/vault?endpoint=https://s3.example.jp")),
)
KEY = PublicKey("board", b"blob")
NOW = datetime(2026, 11, 23)


@pytest.fixture(params=["en", "ja"])
def page(request):
    use_language(request.param)
    try:
        yield sheet_page(BOARD, BOARD.schools, [KEY], NOW)
    finally:
        use_language("en")


def test_there_is_a_sheet_for_each_school_and_one_for_the_board(page):
    assert page.count('<section class="staff">') == 2 and page.count('<section class="office">') == 1
    for fact in ("試験小学校", "試験中学校", "共有 (fs-1)", KEY.fingerprint, "2026-11-23"):
        assert fact in page
    assert "<b>" not in page and "<script" not in page and "http-equiv" in page


def test_telephone_numbers_and_the_envelope_are_left_to_be_filled_in_by_hand(page):
    staff, office = page.split('<section class="office">')
    assert staff.count("<td></td>") >= 2 * (3 * 2 + 4)
    assert office.count("<td></td>") >= 3


def test_every_command_on_the_sheet_is_one_that_exists(page):
    lines = [html.unescape(line) for block in re.findall("<pre>(.*?)</pre>", page, re.S) for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("kdx ")]
    assert len(commands) == 4
    for words in commands:
        parse(words)
    assert any(line.startswith("rclone copy ") for line in lines)
    assert any("scripts/rescue vault vault/schools/es/snapshots/fs-1/" in line for line in lines)


@pytest.mark.parametrize(
    ("vault", "line"),
    [
        ("/mnt/usb vault", "cp -a '/mnt/usb vault' vault"),
        ("s3://bucket/a/b", "rclone copy :s3,provider=Other,env_auth=true:bucket/a/b vault"),
        ("s3://bucket?endpoint=http://h:9000&region=jp",
         "rclone copy ':s3,provider=Other,env_auth=true,endpoint=\"http://h:9000\",region=\"jp\":bucket/' vault"),
    ],
)
def test_one_line_fetches_the_vault(vault, line):
    assert fetch_line(parse_location(vault)) == line


def test_a_board_without_vault_key_or_share_still_has_a_sheet():
    page = sheet_page(replace(BOARD, vault=None, schools=()), (), (), NOW)
    assert '<section class="office">' in page
