"""A server that is not the one we know, refuses, is too old, stalls, breaks and comes back: one sentence, in time, and
never a byte that was not proven."""

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.line import lay_line
from rigs.sshd import Sshd, free_port, run, serve_ssh

from kdx.config.location import parse_location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.errors import ExitCode, KdxError
from kdx.remotes import Place
from kdx.remotes.interface import Entry, Expected, Kind, Metadata, PlaceMissing, PlaceRefused, PlaceSilent
from kdx.remotes.sftp import SftpRemote
from kdx.remotes.sftp.connection import Door, KeyUnusable, Patience
from kdx.remotes.sftp.hosts import HostKeyChanged, HostKeyUnknown, KnownHostsUnreadable
from kdx.remotes.sftp.old import ServerTooOld

from .conftest import server_place

QUICK = Patience(connect=2, answer=2)
AT_MOST = 120
"""Seconds that anything may take with QUICK on a machine that is busy with other things; what hangs takes for ever."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, host keys or agent."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"content")
    return folder


def names(place: Place) -> list[str]:
    with closing(place.open()) as remote:
        return [entry.path for entry in remote.list()]


def quick(server: Sshd, root: Path, port: int | None = None) -> SftpRemote:
    """A remote that does not wait long, perhaps through a line; the line's own name is not what the key is kept for."""
    location = parse_location(server.url(root))
    known = server.known_hosts
    if port is not None:
        location = replace(location, port=port)
        known = root.parent / f"known-{port}"
        known.write_text(server.known_hosts.read_text().replace(f":{server.port}", f":{port}"))
    return SftpRemote(Door(location, Network(known_hosts=known), SecretReference("file", str(server.key)), QUICK))


@contextmanager
def in_time(most: float = AT_MOST) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        assert time.monotonic() - started < most


# who the server is


def test_a_host_key_nobody_knows_is_refused_with_its_fingerprint(sftp_server: Sshd, root: Path) -> None:
    place = replace(server_place(sftp_server, root), network=Network())
    with pytest.raises(HostKeyUnknown) as raised:
        names(place)
    assert sftp_server.fingerprint in str(raised.value)
    assert f"ssh-keyscan -p {sftp_server.port} 127.0.0.1 >> " in raised.value.advise()
    assert raised.value.exit_code == ExitCode.UNREACHABLE


def test_a_host_key_that_changed_is_refused_with_both_fingerprints(
    sftp_server: Sshd, root: Path, tmp_path: Path
) -> None:
    run("ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / "other")
    other = (tmp_path / "other.pub").read_text()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {other}")
    with pytest.raises(HostKeyChanged) as raised:
        names(replace(server_place(sftp_server, root), network=Network(known_hosts=known)))
    assert sftp_server.fingerprint in str(raised.value)
    assert run("ssh-keygen", "-lf", tmp_path / "other.pub").split()[1] in str(raised.value)
    assert str(known) in raised.value.advise()


@pytest.mark.parametrize("form", ["plain", "hashed", "several names", "second line"])
def test_a_host_key_is_known_in_every_form_openssh_writes(
    sftp_server: Sshd, root: Path, tmp_path: Path, form: str
) -> None:
    line, known = sftp_server.known_hosts.read_text(), tmp_path / "known_hosts"
    run("ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / "other")
    other = f"[127.0.0.1]:{sftp_server.port} {(tmp_path / 'other.pub').read_text()}"
    texts = {
        "plain": f"# a note\n\nbroken line\n{line}",
        "hashed": line,
        "several names": f"fs-1.example,{line}",
        "second line": other + line,
    }
    known.write_text(texts[form])
    if form == "hashed":
        run("ssh-keygen", "-q", "-H", "-f", known)
        assert "127.0.0.1" not in known.read_text()
    assert names(replace(server_place(sftp_server, root), network=Network(known_hosts=known))) == ["a.txt"]


def test_a_withdrawn_host_key_is_refused(sftp_server: Sshd, root: Path, tmp_path: Path) -> None:
    line, known = sftp_server.known_hosts.read_text(), tmp_path / "known_hosts"
    known.write_text(f"{line}@revoked {line}")
    with pytest.raises(HostKeyChanged):
        names(replace(server_place(sftp_server, root), network=Network(known_hosts=known)))


def test_the_users_own_known_hosts_count_where_the_boards_says_nothing(
    sftp_server: Sshd, root: Path, home: Path, tmp_path: Path
) -> None:
    place = replace(server_place(sftp_server, root), network=Network(known_hosts=tmp_path / "board"))
    (home / ".ssh/known_hosts").write_text(sftp_server.known_hosts.read_text())
    (tmp_path / "board").write_text("another.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    assert names(place) == ["a.txt"]
    (tmp_path / "board").unlink()
    (tmp_path / "board").mkdir()
    with pytest.raises(KnownHostsUnreadable):
        names(place)


def test_a_server_with_an_rsa_key_is_known_by_it(tmp_path: Path, root: Path) -> None:
    with serve_ssh(tmp_path / "ssh", key_kind=("-t", "rsa", "-b", "2048")) as server:
        assert names(server_place(server, root)) == ["a.txt"]


# who we are


def test_a_key_that_is_not_let_in_is_refused(sftp_server: Sshd, root: Path, tmp_path: Path) -> None:
    run("ssh-keygen", "-q", "-N", "", "-t", "rsa", "-b", "2048", "-f", tmp_path / "stranger")
    place = replace(server_place(sftp_server, root), secret=SecretReference("file", str(tmp_path / "stranger")))
    with pytest.raises(PlaceRefused, match="the key was not accepted"), in_time():
        names(place)


@pytest.mark.parametrize(
    ("text", "why"),
    [("locked", "passphrase"), ("-----BEGIN OPENSSH PRIVATE KEY-----\nbroken\n", "not a private key"),
     ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "not a private key")],
)
def test_a_key_that_cannot_be_used_is_said_to_be_one(
    sftp_server: Sshd, root: Path, tmp_path: Path, text: str, why: str
) -> None:
    key = tmp_path / "key"
    if text == "locked":
        run("ssh-keygen", "-q", "-N", "secret words", "-t", "ed25519", "-f", key)
    else:
        key.write_text(text)
    with pytest.raises((KeyUnusable, PlaceRefused), match=why) as raised:
        names(replace(server_place(sftp_server, root), secret=SecretReference("file", str(key))))
    assert "secret words" not in str(raised.value)


def test_a_password_that_is_wrong_is_refused_and_never_shown(tmp_path: Path, root: Path) -> None:
    (tmp_path / "password").write_text("まちがい\n")
    with serve_ssh(tmp_path / "ssh", "PasswordAuthentication yes") as server:
        place = replace(server_place(server, root), secret=SecretReference("file", str(tmp_path / "password")))
        with pytest.raises(PlaceRefused, match="the password was not accepted") as raised, in_time():
            names(place)
    assert "まちがい" not in str(raised.value) + raised.value.advise()
    with serve_ssh(tmp_path / "ssh") as server:
        with pytest.raises(PlaceRefused, match="it takes no password"):
            names(replace(server_place(server, root), secret=place.secret))


def test_without_a_secret_the_agents_and_the_users_own_keys_are_shown(
    sftp_server: Sshd, root: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = replace(server_place(sftp_server, root), secret=None)
    with pytest.raises(PlaceRefused, match="there is no key to show"):
        names(place)
    (home / ".ssh/id_rsa").write_text("no key at all")
    (home / ".ssh/id_ed25519").write_bytes(sftp_server.key.read_bytes())
    assert names(place) == ["a.txt"]
    (home / ".ssh/id_ed25519").unlink()
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", sftp_server.key], check=True)
        assert names(place) == ["a.txt"]
    finally:
        agent.terminate()
        agent.wait()


def test_a_password_that_has_expired_is_said_to_have(tmp_path: Path, root: Path) -> None:
    said = "WARNING: Your password has expired."
    with serve_ssh(tmp_path / "ssh", f"ForceCommand echo '{said}' >&2; exit 1") as server:
        with pytest.raises(PlaceRefused, match="the password has expired"):
            names(server_place(server, root))


def test_a_server_without_sftp_is_said_to_have_none(tmp_path: Path, root: Path) -> None:
    with serve_ssh(tmp_path / "ssh", subsystem="other /bin/true") as server:
        with pytest.raises(PlaceRefused, match="it offers no SFTP"):
            names(server_place(server, root))
    for command in ("echo This account is not available", "true"):
        with serve_ssh(tmp_path / "ssh", f"ForceCommand {command}") as server:
            with pytest.raises(PlaceRefused, match="it offers no SFTP"):
                names(server_place(server, root))


@pytest.mark.parametrize(
    ("setting", "key_kind", "what"),
    [
        ("KexAlgorithms diffie-hellman-group14-sha1", "ed25519", "key exchange: diffie-hellman-group14-sha1"),
        ("KexAlgorithms diffie-hellman-group1-sha1", "ed25519", "key exchange: diffie-hellman-group1-sha1"),
        ("HostKeyAlgorithms ssh-rsa", "rsa", "host key: ssh-rsa"),
    ],
)
def test_a_server_that_knows_only_sha1_is_named_with_its_algorithm(
    tmp_path: Path, root: Path, setting: str, key_kind: str, what: str
) -> None:
    with serve_ssh(tmp_path / "ssh", setting, key_kind=("-t", key_kind)) as server:
        with pytest.raises(ServerTooOld, match=re.escape(what)) as raised, in_time():
            names(server_place(server, root))
    assert "firmware" in raised.value.advise()
    assert raised.value.exit_code == ExitCode.UNREACHABLE


# where it is


def test_a_root_that_is_not_there_or_is_no_folder(sftp_server: Sshd, root: Path) -> None:
    for name in ("absent", "a.txt"):
        with closing(server_place(sftp_server, root / name).open()) as remote:
            for ask in (remote.list, remote.walk):
                with pytest.raises(PlaceMissing):
                    list(ask())
            with pytest.raises(KdxError):
                remote.write("b", [b"x"], 1, Metadata(0), Expected.ABSENT)
    assert sorted(path.name for path in root.iterdir()) == ["a.txt"]


def test_nobody_at_the_address_is_said_in_time(sftp_server: Sshd, root: Path) -> None:
    place = server_place(sftp_server, root)
    for host, port in (("127.0.0.1", free_port()), ("no-such-host.invalid", 22)):
        location = replace(place.location, host=host, port=port)
        with pytest.raises(PlaceSilent), in_time():
            names(replace(place, location=location))


ASK: dict[str, Callable[[SftpRemote], object]] = {
    "list": lambda remote: list(remote.list()),
    "walk": lambda remote: list(remote.walk()),
    "stat": lambda remote: remote.stat("a.txt"),
    "read": lambda remote: b"".join(remote.read("a.txt")),
    "digest": lambda remote: remote.digest("a.txt"),
    "write": lambda remote: write(remote, "b", b"x"),
}


def write(remote: SftpRemote, path: str, data: bytes) -> None:
    remote.write(path, [data], len(data), Metadata(0), Expected.ABSENT)


@pytest.mark.parametrize("what", ["connect", *ASK])
def test_a_line_that_stalls_is_given_up_in_time(sftp_server: Sshd, root: Path, what: str) -> None:
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:
        if what != "connect":
            remote.stat("")
            if what == "digest":
                assert remote.abilities.hashing
        line.stalled.set()
        with pytest.raises(PlaceSilent), in_time():
            ASK.get(what, ASK["list"])(remote)


def test_a_line_that_stalls_in_the_middle_of_a_file_is_given_up_in_time(sftp_server: Sshd, root: Path) -> None:
    (root / "large").write_bytes(bytes(64 << 20))
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:
        line.stall_after = 8 << 20
        with pytest.raises(PlaceSilent), in_time():
            list(remote.read("large"))


def test_a_peer_that_no_longer_takes_what_is_sent_is_given_up_in_time(sftp_server: Sshd, root: Path) -> None:
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:

        def chunks() -> Iterator[bytes]:
            yield bytes(1 << 20)
            line.stalled.set()
            for _ in range(63):
                yield bytes(1 << 20)

        with pytest.raises(PlaceSilent), in_time():
            remote.write("large", chunks(), 64 << 20, Metadata(0), Expected.ABSENT)
        line.stalled.clear()
    assert not (root / "large").exists()


def test_a_large_file_goes_on_where_the_line_broke(sftp_server: Sshd, root: Path) -> None:
    data = os.urandom(64 << 20)
    (root / "large").write_bytes(data)
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:
        line.cut_after = 32 << 20
        digest = hashlib.sha256()
        for chunk in remote.read("large"):
            digest.update(chunk)
        assert digest.digest() == hashlib.sha256(data).digest()
        assert line.connections == 2
        assert line.received - len(data) < 32 << 20


def test_a_large_file_that_is_replaced_while_the_line_is_down_is_not_taken_for_whole(
    sftp_server: Sshd, root: Path
) -> None:
    (root / "large").write_bytes(bytes(32 << 20))
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:
        chunks = remote.read("large")
        next(chunks)
        line.cut()
        (root / "large").write_bytes(bytes(31 << 20))
        with pytest.raises(KdxError, match="changed"):
            list(chunks)


def test_files_the_server_had_not_hashed_when_the_line_broke_are_asked_once_more(
    sftp_server: Sshd, root: Path
) -> None:
    contents = {f"{number:05}": b"%d" % number for number in range(9000)}
    for name, data in contents.items():
        (root / name).write_bytes(data)
    with lay_line(sftp_server.port) as line, closing(quick(sftp_server, root, line.port)) as remote:
        listed = [entry for entry in remote.list() if entry.path != "a.txt"]
        assert remote.abilities.hashing
        line.cut_after = line.received + 200_000
        hashed = {entry.path: entry.sha256 for entry in remote.digest_listed(listed)}
        assert line.connections == 2
    assert hashed == {name: hashlib.sha256(data).digest() for name, data in contents.items()}


def test_a_walk_that_breaks_off_while_its_files_are_hashed_is_never_taken_for_whole(
    sftp_server: Sshd, sftp_plain_server: Sshd, root: Path
) -> None:
    (root / "folder").mkdir()
    (root / "folder/b.txt").write_bytes(b"never seen")
    with lay_line(sftp_plain_server.port) as line, closing(quick(sftp_server, root)) as hashing:
        walking = quick(sftp_plain_server, root, line.port)

        def files() -> Iterator[Entry]:
            for entry in walking.walk():
                if entry.kind == Kind.FILE:
                    yield entry
                    line.cut()

        with closing(walking), pytest.raises(PlaceSilent), in_time():
            list(hashing.digest_listed(files()))


def test_a_server_that_was_restarted_between_two_questions_is_asked_again(tmp_path: Path, root: Path) -> None:
    port = free_port()
    with serve_ssh(tmp_path / "ssh", port=port) as server:
        remote = quick(server, root)
        assert remote.stat("a.txt").size == 7
    with closing(remote):
        with pytest.raises(PlaceSilent):
            remote.stat("a.txt")
        with serve_ssh(tmp_path / "ssh", port=port):
            assert remote.stat("a.txt").size == 7
        with pytest.raises(PlaceSilent), in_time():
            remote.stat("a.txt")
        with serve_ssh(tmp_path / "ssh", port=port):
            for ask in ASK.values():
                ask(remote)


def test_a_server_that_goes_in_the_middle_leaves_no_half_file(tmp_path: Path, root: Path) -> None:
    port = free_port()
    with serve_ssh(tmp_path / "ssh", port=port) as server, closing(quick(server, root)) as remote:

        def chunks() -> Iterator[bytes]:
            yield bytes(4 << 20)
            server.stop()
            yield bytes(4 << 20)

        with pytest.raises(PlaceSilent), in_time():
            remote.write("large", chunks(), 8 << 20, Metadata(0), Expected.ABSENT)
    assert not (root / "large").exists()
    with serve_ssh(tmp_path / "ssh", port=port) as server, closing(quick(server, root)) as remote:
        assert [entry.path for entry in remote.walk()] == ["a.txt"]


def test_many_connections_at_once_are_not_turned_away(tmp_path: Path, root: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with serve_ssh(tmp_path / "ssh", "MaxStartups 5:50:10") as server, ThreadPoolExecutor(16) as crew:
        assert list(crew.map(lambda _: names(server_place(server, root)), range(16))) == [["a.txt"]] * 16
