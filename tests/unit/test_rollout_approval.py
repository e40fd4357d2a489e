"""Whose signature counts: the person's key, right, user and text, and nothing less. ssh-keygen signs the same bytes."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.rollout_world import DAY, NOON, approval, recorded, seen, waiver

from kdx import signing
from kdx.config.model import Board, Person
from kdx.errors import ExitCode
from kdx.rollout.approval import (
    NotASigner, OneSigner, WrongUser, refuse_lone_waiver, refuse_wrong_user, sign_with, statement_of, trusted_events,
)
from kdx.rollout.evidence import fold, read_facts
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

TANAKA = Person("tanaka", "tanaka", frozenset({"approve", "waive"}))
SUZUKI = Person("suzuki", "s-suzuki", frozenset({"waive", "examine"}))
BOARD = Board("試験市教育委員会", Path(), (), roles=(TANAKA, SUZUKI))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[signing.PublicKey, ...]:
    for name in ("tanaka", "suzuki", "stranger"):
        signing.create_board_key(
            tmp_path / "private", tmp_path / "keys", owner=name, now=NOON - 100 * DAY, role=name
        )
    return signing.load_public_keys(tmp_path / "keys")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(StateFolder(tmp_path / "state"), actor="tanaka@b", request_id="r", clock=lambda: NOON) as opened:
        yield opened


@pytest.fixture
def sign(tmp_path: Path, keys, ledger):
    def one(event, name="tanaka"):
        return sign_with(BOARD, keys, ledger, event, signing.load_private_key(tmp_path / "private", name))

    return one


def counts(keys, event, actor="tanaka@board", board=BOARD) -> bool:
    return bool(trusted_events(board, keys, fold(recorded(event, actor=actor))))


def test_a_signature_counts_and_says_which_key_made_it(keys, sign):
    facts = fold(recorded(sign(approval("retire"))))
    fingerprint = next(key.fingerprint for key in keys if key.role == "tanaka")
    assert trusted_events(BOARD, keys, facts) == {1: fingerprint}


@pytest.mark.parametrize(
    "change",
    [{"office": "教頭"}, {"number": "第2号"}, {"date": "2026-11-21"}, {"scan_sha256": "b" * 64}, {"withdrawn": True},
     {"school": "jh"}, {"milestone": "drill"}, {"signer": "suzuki"}, {"signature": ""}, {"signature": "x"},
     {"after": "0" * 64}],
)
def test_nothing_of_what_was_signed_can_be_changed(keys, sign, change):
    assert not counts(keys, replace(sign(approval("retire")), **change))


@pytest.mark.parametrize(
    ("given", "taken_back"),
    [(approval("retire"), approval("retire", withdrawn=True)), (waiver("mfa"), waiver("mfa", withdrawn=True)),
     (seen("mfa", method="EXAMINE"), seen("mfa", method="EXAMINE", done=1, total=9))],
)
def test_what_was_taken_back_is_not_brought_back_by_its_old_signature(tmp_path, keys, ledger, given, taken_back):
    board = replace(BOARD, roles=(replace(TANAKA, may=frozenset({"approve", "waive", "examine"})),))
    key = signing.load_private_key(tmp_path / "private", "tanaka")

    def counts_once_entered(event) -> bool:
        return ledger.append(event).id in trusted_events(board, keys, read_facts(ledger))

    old = sign_with(board, keys, ledger, given, key)
    assert counts_once_entered(old)
    assert counts_once_entered(sign_with(board, keys, ledger, taken_back, key))
    assert not counts_once_entered(old)
    assert counts_once_entered(sign_with(board, keys, ledger, given, key))


def test_it_counts_only_when_that_persons_user_entered_it(keys, sign):
    signed = sign(approval("retire"))
    assert not counts(keys, signed, actor="yamada@board")
    with pytest.raises(WrongUser, match="yamada"):
        refuse_wrong_user(BOARD, "tanaka", "yamada@board")
    refuse_wrong_user(BOARD, "suzuki", "s-suzuki@board")


def test_it_counts_only_with_the_right_at_this_board_and_with_a_listed_key(keys, sign):
    signed = sign(approval("retire"))
    powerless = replace(BOARD, roles=(replace(TANAKA, may=frozenset({"examine"})),))
    assert not counts(keys, signed, board=powerless)
    assert not counts(keys, signed, board=replace(BOARD, name="隣の市教育委員会"))
    assert not counts([key for key in keys if key.role != "tanaka"], signed)
    expired = [replace(key, valid_before=NOON - 90 * DAY) for key in keys]
    assert not counts(expired, signed)


def test_nobody_signs_in_the_name_of_another(tmp_path, keys):
    named = replace(approval("retire"), signer="tanaka")
    key = signing.load_private_key(tmp_path / "private", "suzuki")
    forged = replace(named, signature=signing.sign(key, "kdx-rollout", statement_of(BOARD.name, named)))
    assert not counts(keys, forged)


def test_a_key_that_is_nobodys_or_without_the_right_is_refused_when_it_signs(keys, sign):
    for name, event in (("stranger", approval("retire")), ("suzuki", approval("retire")), ("tanaka", seen("mfa"))):
        with pytest.raises(NotASigner) as caught:
            sign(event, name)
        assert caught.value.exit_code == ExitCode.GATE
    assert sign(seen("mfa", method="EXAMINE"), "suzuki").signer == "suzuki"


def test_a_waiver_needs_a_second_person_with_a_key_of_their_own(keys):
    refuse_lone_waiver(BOARD, keys)
    tanakas = next(key for key in keys if key.role == "tanaka")
    for few in ([], [tanakas], [tanakas, replace(tanakas, role="suzuki")]):
        with pytest.raises(OneSigner):
            refuse_lone_waiver(BOARD, few)
    with pytest.raises(OneSigner):
        refuse_lone_waiver(replace(BOARD, roles=(TANAKA,)), keys)


def test_what_ssh_keygen_signed_counts_too(tmp_path, keys):
    program = shutil.which("ssh-keygen")
    assert program, "ssh-keygen is missing: apt install openssh-client"
    named = replace(waiver("mfa"), signer="tanaka", signature="")
    (tmp_path / "statement").write_bytes(statement_of(BOARD.name, named))
    command = [program, "-Y", "sign", "-n", "kdx-rollout", "-f", tmp_path / "private/tanaka", tmp_path / "statement"]
    subprocess.run(command, check=True, capture_output=True)
    signed = replace(named, signature=(tmp_path / "statement.sig").read_text())
    assert counts(keys, signed)
    assert not counts(keys, replace(signed, reason="another"))
