"""From and to a real OpenSSH server with the installed program: scan, plan, run, verify, receipt. No proof is kdx's."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.small_share import build
from rigs.sshd import PLAIN, Sshd, serve_ssh

from sample_board import SCHOOL
from tests.system.conftest import SHARE, Site, readable_name
from tests.system.test_usr_share_doc import links, sums_hold

pytestmark = [pytest.mark.system]

Tree = Callable[[Path], dict[bytes, str]]


@pytest.fixture(params=["shell", pytest.param("plain", marks=pytest.mark.long)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sshd]:
    """A server with a shell, and one without."""
    with serve_ssh(tmp_path / "ssh", *([PLAIN] if request.param == "plain" else [])) as server:
        yield server


def with_server(site: Site, server: Sshd, share_url: str = "") -> Site:
    """Make the server's host key known to the board, and this user's key the one it lets in."""
    (site.board / "known_hosts").write_bytes(server.known_hosts.read_bytes())
    home = site.state.parent / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519").write_bytes(server.key.read_bytes())
    if share_url:
        # the share has its key by reference, and nothing of this user is used
        (home / ".ssh/id_ed25519").unlink()
        (site.board / "key").write_bytes(server.key.read_bytes())
        hosts = site.board / "hosts.yml"
        text = hosts.read_text("utf-8")
        assert f'url: "{site.share}"' in text
        hosts.write_text(text.replace(f'url: "{site.share}"', f'url: "{share_url}", secret: "file:key"'), "utf-8")
    return replace(site, environment={"HOME": str(home), "SSH_AUTH_SOCK": ""})


def follow(site: Site, *steps: tuple[str, ...]) -> None:
    for words in steps:
        result = site.kdx(*words)
        assert result.returncode == 0, (words, result.stdout, result.stderr)


def steps(receipt: Path) -> tuple[tuple[str, ...], ...]:
    return (
        ("inventory", "scan", SCHOOL, "--names"),
        ("migrate", "plan", SCHOOL),
        ("migrate", "run", SCHOOL),
        ("migrate", "verify", SCHOOL),
        ("migrate", "receipt", SCHOOL, "-o", str(receipt)),
        ("migrate", "receipt", "--check", str(receipt / "receipt.json")),
    )


def without_ignored(found: dict[bytes, str]) -> dict[bytes, str]:
    return {path: digest for path, digest in found.items() if path != b"Thumbs.db"}


def test_a_share_on_a_server_goes_to_a_folder_and_is_proven(
    folder_site: Site, server: Sshd, tmp_path: Path, tree: Tree
) -> None:
    site = with_server(folder_site, server, server.url(folder_site.share))
    build(site.share)
    follow(site, *steps(tmp_path / "receipt"))
    copy = tmp_path / "target" / SCHOOL
    assert tree(copy / SHARE) == without_ignored(tree(site.share))
    assert links(copy / SHARE) == links(site.share)
    sums_hold(tmp_path / "receipt/SHA256SUMS", copy)
    again = site.kdx("migrate", "run", SCHOOL, "--json")
    assert again.returncode == 0
    assert "send" not in again.stdout


def test_a_share_goes_to_a_folder_on_a_server_and_is_proven(
    make_site: Callable[..., Site], server: Sshd, tmp_path: Path, tree: Tree, request: pytest.FixtureRequest
) -> None:
    target = tmp_path / "over there"
    target.mkdir()
    site = with_server(make_site(server.url(str(target).replace(" ", "%20"))), server)
    build(site.share)
    follow(site, *steps(tmp_path / "receipt"))
    copy = target / SCHOOL
    assert tree(copy / SHARE) == without_ignored(tree(site.share))
    assert links(copy / SHARE) == links(site.share)
    assert os.stat(copy / SHARE / "large").st_mtime_ns % 10**9 == 0
    sums_hold(tmp_path / "receipt/SHA256SUMS", copy)
    proven = json.loads((tmp_path / "receipt/receipt.json").read_text("utf-8"))["receipt"]["shares"][0]["proven"]
    by, never = ("store SHA-256", "read back") if "shell" in request.node.name else ("read back", "store SHA-256")
    # a link is compared by where it points
    assert proven[by] >= 18 and proven.get(never, 0) == ("shell" in request.node.name)
    # nothing is looked at or sent a second time, though the server keeps whole seconds only
    planned = site.kdx("migrate", "plan", SCHOOL, "--json")
    assert '"present"' in planned.stdout and '"compare"' not in planned.stdout
    before = {path: os.stat(copy / SHARE / os.fsdecode(path)).st_ino for path in tree(copy / SHARE)}
    follow(site, ("migrate", "run", SCHOOL))
    assert before == {path: os.stat(copy / SHARE / os.fsdecode(path)).st_ino for path in tree(copy / SHARE)}
    follow(site, ("migrate", "verify", SCHOOL, "--level", "readback"))
    (copy / SHARE / "large").write_bytes(b"\0" * (9 << 20))
    for level in ("checksum", "readback"):
        assert site.kdx("migrate", "verify", SCHOOL, "--level", level).returncode == 5


def test_a_scan_lets_the_server_hash_and_knows_the_hashes_later(
    folder_site: Site, server: Sshd, tmp_path: Path, tree: Tree
) -> None:
    site = with_server(folder_site, server, server.url(folder_site.share))
    build(site.share)
    junk = site.share / "$RECYCLE.BIN/S-1-5/deep"
    junk.mkdir(parents=True)
    (junk / "thrown away.txt").write_text("x")
    for path in site.share.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
    follow(site, ("inventory", "scan", SCHOOL, "--hash"))
    follow(site, ("inventory", "export", SCHOOL, "-o", str(tmp_path / "catalog.ndjson")))
    rows = map(json.loads, (tmp_path / "catalog.ndjson").read_text("utf-8").splitlines())
    found = {row["path"]: row for row in rows}
    assert found["$RECYCLE.BIN"]["skip"] == "ignored"
    assert not [path for path in found if path.startswith("$RECYCLE.BIN/")]
    wanted = {readable_name(path).decode() for path in without_ignored(tree(site.share)) if b"RECYCLE" not in path}
    assert {path for path, row in found.items() if row["kind"] == "file" and row["sha256"]} == wanted
    again = site.kdx("inventory", "scan", SCHOOL, "--hash", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["rows"][0]["read"] == 0


def test_doctor_says_what_a_server_can_do(folder_site: Site, server: Sshd, request: pytest.FixtureRequest) -> None:
    site = with_server(folder_site, server, server.url(folder_site.share))
    (site.share / "a.txt").write_text("x")
    answer = site.kdx("doctor", "--json")
    (row,) = (row for row in json.loads(answer.stdout)["rows"] if row["check"] == "server")
    assert server.fingerprint in row["detail"] and "OpenSSH" in row["detail"]
    if "shell" in request.node.name:
        assert row["state"] == "ok" and "hashes files by itself" in row["detail"]
    else:
        assert row["state"] == "warning" and "no shell" in row["detail"] and row["next_step"]
    assert answer.returncode == 0, answer.stdout
    (site.board / "known_hosts").unlink()
    answer = site.kdx("doctor")
    assert answer.returncode == 12
    assert server.fingerprint in answer.stdout
