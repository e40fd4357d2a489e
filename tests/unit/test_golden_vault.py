"""The vault of the first day is read as it lies, by kdx and by a reader that only knows FORMAT.md."""

import hashlib
import json
import shutil
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from kdx import signing
from kdx.backup.format.absent import treated_as_absent
from kdx.backup.format.chain import Chain
from kdx.backup.format.manifest import decode_row, time_field
from kdx.backup.format.names import snapshot_name
from kdx.backup.format.note import GOOD
from kdx.backup.format.seal import State
from kdx.backup.format.vault import Vault, open_vault
from kdx.config.location import parse_location
from kdx.config.model import Board
from kdx.remotes import Place
from tests.rigs import vault_reader

SCHOOL, SHARE = "shiken_es", "shiken_es-a8d79a09"
ZEROS = "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74"
BROKEN = quote("令和7年度/メール.pst")


@pytest.fixture
def golden(checkout: Path, tmp_path: Path) -> Path:
    """The golden vault with the segment that is not checked in."""
    shutil.copytree(checkout / "tests/golden-vault/vault", tmp_path / "vault")
    segment = tmp_path / "vault/schools" / SCHOOL / "segments/2d" / ZEROS
    segment.parent.mkdir()
    segment.write_bytes(bytes(8 << 20))
    assert hashlib.sha256(bytes(8 << 20)).hexdigest() == ZEROS
    return tmp_path / "vault"


@pytest.fixture
def expected(checkout: Path) -> dict[str, dict[str, dict[str, object]]]:
    """What the snapshots hold."""
    found: dict[str, dict[str, dict[str, object]]] = json.loads(
        (checkout / "tests/golden-vault/expected.json").read_text("utf-8")
    )
    return found


def opened(golden: Path) -> Vault:
    board = Board("試験市教育委員会", golden.parent, ())
    return open_vault(board, Place(parse_location(str(golden))))


def test_kdx_reads_every_row_of_the_golden_vault(
    golden: Path, checkout: Path, expected: dict[str, dict[str, dict[str, object]]]
) -> None:
    keys = signing.load_public_keys(checkout / "tests/golden-vault/keys")
    with closing(opened(golden).unit(SCHOOL)) as unit:
        chain = Chain(unit, SHARE, keys)
        assert list(map(str, chain.names)) == list(expected)
        for name, entries in expected.items():
            found = {}
            for held in chain.entries(chain.read(snapshot_name(name)).seal):
                row = decode_row(held.rows[0])
                facts: dict[str, object] = {"kind": row.kind}
                if row.kind == "file":
                    mtime = time_field(row.mtime_ns).decode()
                    facts |= {"sha256": row.sha256, "size": row.size, "mtime": mtime}
                if row.kind == "link":
                    facts["link"] = quote(row.link, errors="surrogateescape")
                found[quote(row.path, errors="surrogateescape")] = facts
            assert found == entries


def test_its_states_notes_and_board_are_what_they_were(golden: Path, checkout: Path) -> None:
    keys = signing.load_public_keys(checkout / "tests/golden-vault/keys")
    with closing(opened(golden).unit(SCHOOL)) as unit:
        chain = Chain(unit, SHARE, keys)
        states = [stored.state for stored in chain.newest_first()]
        assert states == [State.COMPLETE] * 3 and not chain.faults
        newest = next(chain.newest_first())
        assert newest.seal.state == State.SUSPECT and newest.acceptance and newest.acceptance.word == GOOD
        [damaged] = treated_as_absent(unit, unit.objects(), keys, [])
        assert damaged.startswith("segments/bc/")
    with closing(opened(golden).unit("-")) as unit:
        [stored] = Chain(unit, "board", keys).newest_first()
        assert stored.seal.name.started.isoformat() == "2026-11-25T13:00:13+00:00"
        assert isinstance(stored.seal.sealed, datetime)


def test_a_reader_that_knows_only_the_format_reads_it_too(
    golden: Path, expected: dict[str, dict[str, dict[str, object]]]
) -> None:
    for seal in vault_reader.seals(golden, SCHOOL):
        read, entries = vault_reader.read_snapshot(seal), expected[seal.stem]
        assert {quote(path): digest for path, digest in read.files.items()} | {BROKEN: 0} == {
            path: facts["sha256"] for path, facts in entries.items() if facts["kind"] == "file"
        } | {BROKEN: 0}
        assert set(map(quote, read.folders)) == {p for p, facts in entries.items() if facts["kind"] == "directory"}
        # the damaged segment: of the first snapshot one file cannot be had, of the second it was healed
        assert set(map(quote, read.broken)) == ({BROKEN} if seal.stem.endswith("-000001") else set())
    for pack in golden.rglob("*.tar.zst"):
        assert vault_reader.check_pack(pack)
