"""A school leaves its old Windows server and comes back, on a real Samba, with the installed program."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sample_share
from rigs.smbd import PASSWORD, SHARE, SambaServer, serve_samba
from sample_board import SCHOOL

from tests.system.conftest import Site
from tests.system.test_smb_migration import Tree, done

pytestmark = pytest.mark.system

CANARY = "kdx-canary"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SambaServer]:
    with serve_samba(tmp_path / "server") as running:
        yield running


@pytest.fixture
def site(folder_site: Site, server: SambaServer, tmp_path: Path) -> Site:
    """A site whose share lies on the server, with a folder for the canary."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    hosts = folder_site.board / "hosts.yml"
    text = hosts.read_text("utf-8").replace(
        f'"{folder_site.share}"', f'"{server.url()}", secret: "file:{tmp_path}/password"'
    )
    hosts.write_text(text, "utf-8")
    sample_share.write_samples(server.root, sample_share.school_shaped(40, mean=20_000), seed=8)
    (server.root / CANARY).mkdir()
    return replace(folder_site, share=server.root)


def cutover(site: Site, *words: str | Path, code: int = 0) -> str:
    return done(site.kdx("--lang", "en", "migrate", "cutover", SCHOOL, *words), code)


def test_a_rehearsed_cutover_and_its_roll_back_run_end_to_end(
    site: Site, server: SambaServer, tmp_path: Path, tree: Tree
) -> None:
    there = tmp_path / "target" / SCHOOL / SHARE
    assert "NO-GO" in cutover(site, code=4), "nothing was rehearsed"
    cutover(site, "--rehearse", "--canary", CANARY, code=4)
    (server.root / "木曜の分.txt").write_text("x", "utf-8")
    assert "GO: the final run may begin" in cutover(site, "--rehearse", "--canary", CANARY)
    (server.root / "金曜の分.txt").write_text("x", "utf-8")
    said = cutover(site, "--final", "--canary", CANARY, code=4)
    assert "it is not read-only" in said and not (there / "金曜の分.txt").exists()

    server.make_read_only()
    page = tmp_path / "sheet.html"
    said = cutover(site, "--final", "--canary", CANARY, "--level", "readback", "--sheet", page)
    assert "a write that was accepted before is refused" in said and "GO: the teachers may be let in" in said
    assert "cutover" in page.read_text("utf-8").lower()
    expected = {name: what for name, what in tree(server.root).items() if b"~$" not in name}
    assert tree(there) == expected
    cutover(site, "--final", code=4)

    (there / "新しい場所で.txt").write_text("new", "utf-8")
    cutover(site, "--roll-back", "--canary", CANARY, code=4)
    server.make_read_only(False)
    listed = json.loads(site.kdx("migrate", "cutover", SCHOOL, "--show", "changes", "--json").stdout)
    assert [(row["change"], os.path.basename(row["new"])) for row in listed["rows"]] == [("added", "新しい場所で.txt")]
    assert "新しい場所で.txt" in cutover(site, "--roll-back", "--canary", CANARY)
    assert (there / "新しい場所で.txt").exists() and tree(there).items() >= expected.items()
    assert "went back to the old server" in cutover(site, code=4)
