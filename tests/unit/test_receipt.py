"""The receipt: what it says is what was proven, and nothing in it can be changed."""

import json
import subprocess
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rigs.small_share import issue, issued, keys, now, one, open_one, share, target

from kdx import handover, migration, signing
from kdx.errors import ExitCode
from kdx.handover import NotAsProven, NotVerified
from kdx.migration import Level, NothingPlanned
from kdx.remotes.local import LocalRemote
from kdx.transfer.receipt import ReceiptFalse, ReceiptUnreadable

__all__ = ["issued", "keys", "one", "share", "target"]

FILES = ("receipt.json", "SHA256SUMS", "receipt.html")


def test_the_receipt_holds_and_sha256sum_accepts_a_copy_of_the_target(issued, keys, target):
    held = handover.check_receipt(issued / "receipt.json", keys)
    assert (held.files, held.absent) == (("SHA256SUMS", "receipt.html"), ())
    assert held.facts["whole"] is True
    command = ["sha256sum", "--check", "--strict", "--quiet", issued / "SHA256SUMS"]
    subprocess.run(command, cwd=target / "es", check=True)
    assert len((issued / "SHA256SUMS").read_bytes().splitlines()) == held.facts["shares"][0]["kinds"]["file"]


def test_the_receipt_names_everything_that_was_left_and_why(issued):
    facts = json.loads((issued / "receipt.json").read_bytes())["receipt"]["shares"][0]
    assert facts["skipped"] == [{"outcome": "left by rule", "path": "Thumbs.db", "why": "ignored"}]
    assert facts["left_by_rule"] == {"ignored": 1}
    assert facts["ignore"] == {"patterns": ["Thumbs.db"], "version": "1"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(min_value=0), bit=st.integers(0, 7), name=st.sampled_from(FILES))
def test_a_changed_bit_anywhere_is_found(issued, keys, place, bit, name):
    file = issued / name
    before = file.read_bytes()
    changed = bytearray(before)
    changed[place % len(changed)] ^= 1 << bit
    file.write_bytes(bytes(changed))
    try:
        with pytest.raises(ReceiptFalse) as refused:
            handover.check_receipt(issued / "receipt.json", keys)
        assert refused.value.exit_code == ExitCode.DIFFERENCE
    finally:
        file.write_bytes(before)


def test_a_changed_bit_that_makes_half_a_character_is_found(issued, keys):
    file = issued / "receipt.json"
    file.write_bytes(file.read_bytes().replace(b'"receipt": {', b'"receipt": {"\\ud800": 1,', 1))
    with pytest.raises(ReceiptFalse) as refused:
        handover.check_receipt(file, keys)
    assert refused.value.exit_code == ExitCode.DIFFERENCE


def test_another_key_is_a_difference(issued, tmp_path):
    signing.create_board_key(tmp_path / "other", tmp_path / "other-keys", owner="other", now=now())
    for trusted in (tmp_path / "other-keys", tmp_path / "other-keys" / "board.pub"):
        with pytest.raises(ReceiptFalse) as refused:
            handover.check_receipt(issued / "receipt.json", trusted)
        assert refused.value.exit_code == ExitCode.DIFFERENCE


def test_a_key_of_another_role_may_not_sign_a_receipt(issued, keys):
    line = (keys / "board.pub").read_text().replace("board ", "school ", 1)
    (keys / "board.pub").write_text(line)
    with pytest.raises(ReceiptFalse):
        handover.check_receipt(issued / "receipt.json", keys)


def test_a_missing_file_beside_the_receipt_is_said_and_is_not_a_pass(issued, keys):
    (issued / "SHA256SUMS").unlink()
    held = handover.check_receipt(issued / "receipt.json", keys)
    assert held.absent == ("SHA256SUMS",)
    assert handover.exit_code_of_check(held) == ExitCode.INCOMPLETE


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"receipt": 1, "signature": 2}', b"\xff\xfe", b"null"])
def test_what_is_no_receipt_is_refused_with_a_sentence(issued, keys, content):
    (issued / "receipt.json").write_bytes(content)
    with pytest.raises((ReceiptFalse, ReceiptUnreadable)):
        handover.check_receipt(issued / "receipt.json", keys)


def test_no_receipt_before_a_run_nor_before_its_verification_nor_after_a_later_plan(one, keys, share, tmp_path):
    with pytest.raises(NothingPlanned):
        issue(one, tmp_path / "receipt")
    migration.run(one, now)
    with pytest.raises(NotVerified):
        issue(one, tmp_path / "receipt")
    migration.verify(one, Level.CHECKSUM, now)
    (share / "later").write_bytes(b"x")
    migration.run(one, now)
    with pytest.raises(NotVerified) as refused:
        issue(one, tmp_path / "receipt")
    assert refused.value.exit_code == ExitCode.GATE
    assert not (tmp_path / "receipt").exists()


def test_a_dry_run_says_what_a_receipt_would_say_and_writes_nothing(one, keys, tmp_path):
    migration.run(one, now)
    migration.verify(one, Level.CHECKSUM, now)
    assert issue(one, tmp_path / "receipt", dry_run=True).facts["whole"] is True
    assert not (tmp_path / "receipt").exists()


def test_no_receipt_over_a_difference(one, keys, target, tmp_path):
    migration.run(one, now)
    (target / "es" / "共有" / "large").write_bytes(b"x")
    migration.verify(one, Level.CHECKSUM, now)
    with pytest.raises(NotAsProven):
        issue(one, tmp_path / "receipt")
    assert not (tmp_path / "receipt").exists()


def test_what_is_only_listed_is_not_called_whole(one, keys, tmp_path):
    migration.run(one, now)
    migration.verify(one, Level.LISTING, now)
    issued = issue(one, tmp_path / "receipt")
    assert issued.exit_code == ExitCode.INCOMPLETE
    assert issued.facts["whole"] is False


def test_a_rename_is_written_down_with_the_bytes_of_the_old_name(tmp_path, share, keys, monkeypatch):
    # a folder takes any bytes; one that wants Unicode names shows what a bucket does
    monkeypatch.setattr(LocalRemote, "capabilities", replace(LocalRemote.capabilities, unicode_names=True))
    (tmp_path / "unicode").mkdir()
    other = open_one(tmp_path, share, tmp_path / "unicode")
    migration.run(other, now)
    migration.verify(other, Level.CHECKSUM, now)
    facts = issue(other, tmp_path / "receipt").facts["shares"][0]
    raw = "資料.txt".encode("cp932")
    assert facts["renamed"] == [{"from": "資料.txt", "from_bytes": raw.hex(), "to": "資料.txt"}]


def test_no_name_can_act_in_the_page(issued):
    page = (issued / "receipt.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert "\x1b" not in page
