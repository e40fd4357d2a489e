"""A school's Windows share, on a real Samba, moved with the installed program: first look, rights, move, proof."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sample_share
from rigs.smbd import PASSWORD, SHARE, SambaServer, held_open, serve_samba
from sample_board import SCHOOL

from tests.system.conftest import Site

pytestmark = pytest.mark.system

Tree = Callable[[Path], dict[bytes, str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SambaServer]:
    with serve_samba(tmp_path / "server") as running:
        yield running


@pytest.fixture
def site(folder_site: Site, server: SambaServer, tmp_path: Path) -> Site:
    """A site whose share lies on the server, its password in a file."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    hosts = folder_site.board / "hosts.yml"
    text = hosts.read_text("utf-8")
    url = f'"{folder_site.share}"'
    assert url in text
    hosts.write_text(text.replace(url, f'"{server.url()}", secret: "file:{tmp_path}/password"'), "utf-8")
    sample_share.write_samples(server.root, sample_share.school_shaped(60, mean=20_000), seed=5)
    (server.root / "何？比率3：1＊～.txt").write_text("全角", "utf-8")
    (server.root / "校長室").mkdir(mode=0o700)
    (server.root / "校長室/内申.txt").write_text("x", "utf-8")
    return replace(folder_site, share=server.root)


def done(result: "subprocess.CompletedProcess[str]", code: int = 0) -> str:
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    assert PASSWORD not in said and "Traceback" not in said
    return said


def test_a_windows_share_is_looked_at_moved_proven_and_receipted(site: Site, tmp_path: Path, tree: Tree) -> None:
    assert "SMB 3.1.1, signed and encrypted" in done(site.kdx("--lang", "en", "doctor"))
    done(site.kdx("inventory", "scan", SCHOOL, "--names"))
    access = done(site.kdx("--lang", "en", "inventory", "access", SCHOOL))
    assert "校長室" in access and "narrower" in access and "everyone" in access
    ids, texts = rights_in_catalog(site)
    assert len(texts) == 3 and ids < set(texts), "each text once, and that of the share itself"
    done(site.kdx("migrate", "plan", SCHOOL))
    done(site.kdx("migrate", "run", SCHOOL))
    done(site.kdx("migrate", "verify", SCHOOL, "--level", "readback"))
    done(site.kdx("migrate", "receipt", SCHOOL, "-o", tmp_path / "receipt"))
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == tree(site.share)
    assert "何？比率3：1＊～.txt" in os.listdir(tmp_path / "target" / SCHOOL / SHARE)


def rights_in_catalog(site: Site) -> tuple[set[str], dict[str, str]]:
    """The ids that rows hold and the texts by id, read without kdx."""
    (catalog,) = site.state.rglob("*Z.parquet")
    rows = duckdb.sql(f"SELECT DISTINCT acl FROM '{catalog}' WHERE kind = 'directory'").fetchall()
    query = f"SELECT value FROM parquet_kv_metadata('{catalog}') WHERE key = 'rights'"
    return {row[0] for row in rows}, json.loads(duckdb.sql(query).fetchall()[0][0])


def test_a_file_somebody_has_open_makes_the_move_incomplete_and_says_who(site: Site, server: SambaServer) -> None:
    (server.root / "成績.xlsx").write_bytes(b"x" * 1000)
    (server.root / "~$成績.xlsx").write_bytes(b"\x04ab".ljust(55) + b"\x04\0" + "田中先生".encode("utf-16-le"))
    with held_open(server, "成績.xlsx"):
        said = done(site.kdx("--lang", "en", "migrate", "run", SCHOOL), 3)
        assert "成績.xlsx" in said and "locked: 田中先生" in said
        assert "成績.xlsx  (locked: 田中先生)" in done(site.kdx("--lang", "en", "inventory", "scan", SCHOOL, "--hash"), 3)
    done(site.kdx("migrate", "run", SCHOOL))
    done(site.kdx("migrate", "verify", SCHOOL))


def test_a_wrong_password_stops_before_anything_moves(site: Site, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("falsch", "utf-8")
    said = done(site.kdx("--lang", "en", "migrate", "run", SCHOOL), 12)
    assert "password is wrong" in said and "falsch" not in said
    assert os.listdir(tmp_path / "target") == []
