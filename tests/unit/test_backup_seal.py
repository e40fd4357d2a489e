"""A seal is believed only where it was made for, as it was made, and by a key that may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx import signing
from kdx.backup.format.names import SnapshotName, snapshot_name
from kdx.backup.format.note import Acceptance, Damage, read_acceptance, read_damage
from kdx.backup.format.seal import (
    Counts,
    Link,
    Part,
    Rotation,
    Seal,
    SealPlace,
    SealReplayed,
    State,
    forks,
    is_from_the_future,
    newest,
    read_seal,
    seal_text,
    snapshot_time,
)
from kdx.backup.format.signed_text import SignerRefused, SignerUnlisted, TextDamaged
from kdx.errors import ExitCode

NOON = datetime(2026, 11, 23, 3, tzinfo=UTC)
NAME = SnapshotName(NOON, 7)
PLACE = SealPlace("5" * 32, "shiken_es", "shiken_es-share")
DIGEST = "ab" * 32
SEAL = Seal(
    vault=PLACE.vault, school=PLACE.school, share=PLACE.share, title="共有\t1", name=NAME,
    previous=Link(SnapshotName(NOON - timedelta(days=1), 6), DIGEST), sealed=NOON + timedelta(hours=1),
    state=State.PARTIAL, reasons=("locked 3", "checkpoint"), counts=Counts(*range(1, 12)),
    compared=SnapshotName(NOON - timedelta(days=2), 5), rotation=Rotation(69, 4096, NOON), references=DIGEST,
    unread_list=f"manifests/ab/{DIGEST}.tsv.gz", parts=(Part(f"manifests/ab/{DIGEST}.tsv.gz", 10, 100),) * 2,
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, signing.SigningKey]:
    folder = tmp_path_factory.mktemp("keys")
    for role in ("machine", "board", "visitor"):
        signing.create_board_key(folder, folder / "public", owner=role, now=NOON - timedelta(days=9), role=role)
    return {role: signing.load_private_key(folder, role) for role in ("machine", "board", "visitor")}


def public(keys: dict[str, signing.SigningKey], *roles: str) -> list[signing.PublicKey]:
    return [keys[role].public for role in roles]


def test_a_seal_comes_back_as_it_was(keys: dict[str, signing.SigningKey]) -> None:
    for seal in (SEAL, replace(SEAL, previous=None, compared=None, rotation=None, unread_list="", reasons=())):
        assert read_seal(seal_text(seal, keys["machine"]), PLACE, NAME, public(keys, "machine")) == seal


@pytest.mark.parametrize(
    "place",
    [replace(PLACE, share="shiken_es-other"), replace(PLACE, school="other_es"), replace(PLACE, vault="6" * 32)],
)
def test_a_seal_replayed_from_elsewhere_is_refused(keys: dict[str, signing.SigningKey], place: SealPlace) -> None:
    with pytest.raises(SealReplayed) as caught:
        read_seal(seal_text(SEAL, keys["machine"]), place, NAME, public(keys, "machine"))
    assert caught.value.exit_code == ExitCode.DIFFERENCE


@pytest.mark.parametrize("name", [SnapshotName(NOON, 8), SnapshotName(NOON + timedelta(days=1), 7)])
def test_a_seal_under_another_name_is_refused(keys: dict[str, signing.SigningKey], name: SnapshotName) -> None:
    with pytest.raises(SealReplayed):
        read_seal(seal_text(SEAL, keys["machine"]), PLACE, name, public(keys, "machine"))


def test_an_unlisted_key_is_4_and_a_key_of_another_role_too(keys: dict[str, signing.SigningKey]) -> None:
    for signer, trusted, error in (("visitor", ["machine"], SignerUnlisted), ("visitor", ["visitor"], SignerRefused)):
        with pytest.raises(error) as caught:
            read_seal(seal_text(SEAL, keys[signer]), PLACE, NAME, public(keys, *trusted))
        assert caught.value.exit_code == ExitCode.GATE


@given(data=st.data())
def test_no_changed_byte_of_a_seal_is_believed(keys: dict[str, signing.SigningKey], data: st.DataObject) -> None:
    text = bytearray(seal_text(SEAL, keys["machine"]))
    at, bit = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 7))
    text[at] ^= 1 << bit
    with pytest.raises((TextDamaged, SignerUnlisted)) as caught:
        read_seal(bytes(text), PLACE, NAME, public(keys, "machine"))
    assert caught.value.exit_code in (ExitCode.DIFFERENCE, ExitCode.GATE)


@given(data=st.data())
def test_no_cut_seal_is_believed(keys: dict[str, signing.SigningKey], data: st.DataObject) -> None:
    text = seal_text(SEAL, keys["machine"])
    with pytest.raises(TextDamaged):
        read_seal(text[: data.draw(st.integers(0, len(text) - 1))], PLACE, NAME, public(keys, "machine"))


def test_notes_come_back_and_only_the_board_may_write_them(keys: dict[str, signing.SigningKey]) -> None:
    accepted = Acceptance(*vars_of(PLACE), Link(NAME, DIGEST), "good", NOON, "年度更新")
    damage = Damage(PLACE.vault, PLACE.school, f"segments/ab/{DIGEST}", "damaged", NOON)
    trusted = public(keys, "machine", "board")
    assert read_acceptance(accepted.text(keys["board"]), "x", trusted) == accepted
    assert read_damage(damage.text(keys["board"]), f"damaged/{DIGEST}", trusted) == damage
    with pytest.raises(SignerRefused):
        read_acceptance(accepted.text(keys["machine"]), "x", trusted)
    with pytest.raises(TextDamaged):
        read_damage(damage.text(keys["board"]), "damaged/" + "cd" * 32, trusted)


def vars_of(place: SealPlace) -> tuple[str, str, str]:
    return place.vault, place.school, place.share


def test_the_newest_has_the_highest_sequence_whatever_its_clock_said() -> None:
    future = SnapshotName(NOON + timedelta(days=3650), 6)
    assert newest([future, NAME, SnapshotName(NOON - timedelta(days=1), 7)]) == NAME
    assert newest([]) is None


def test_a_snapshot_from_the_future_is_as_old_as_the_store_says() -> None:
    future = replace(SEAL, name=SnapshotName(NOON + timedelta(days=30), 7), sealed=NOON + timedelta(days=30))
    assert snapshot_time(future, NOON) == NOON
    assert is_from_the_future(future, NOON)
    assert not is_from_the_future(SEAL, SEAL.sealed - timedelta(minutes=14))
    assert not is_from_the_future(SEAL, SEAL.sealed + timedelta(days=14))


def test_two_seals_of_one_predecessor_are_a_fork() -> None:
    other = replace(SEAL, name=SnapshotName(NOON + timedelta(minutes=1), 7))
    after = replace(SEAL, name=SnapshotName(NOON + timedelta(days=1), 8), previous=Link(NAME, DIGEST))
    assert forks([SEAL, other, after]) == [(NAME, other.name)]


@pytest.mark.parametrize("text", ["20261123T030000Z-7", "20261123T030000Z-0000007", "20261323T030000Z-000007", "x", ""])
def test_a_name_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        snapshot_name(text)
