"""What kdx costs on school servers at the end of a line of 30 ms and 100 Mbit/s, beside rclone, find and smbclient.

Servers and line are those of the tests (OpenSSH, Samba, a delaying proxy), on loopback. A bench fails where a server is
not installed; `scripts/test` installs them.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import sample_share
from bench_measure import Comparison, Measure, in_pairs
from bench_print import Figures
from bench_print import Line as Found
from bench_run import MIB, Bench
from local_store import RCLONE, LocalStore, serve_s3
from sample_board import SCHOOL, write_board

from tests.rigs.line import Line, lay_line
from tests.rigs.smbd import PASSWORD, SHARE, serve_samba
from tests.rigs.sshd import serve_ssh

ONE_WAY = 0.015
"""Seconds: a round trip takes 30 ms."""
RATE = 100e6 / 8
"""Bytes a second each way: 100 Mbit/s."""
PASSWORD_VARIABLE = "KDX_BENCH_PASSWORD"
TUNED = ("--transfers", "32", "--checkers", "32")


@dataclass(frozen=True)
class Server:
    """A share behind the line: its kdx address and secret, and what lets rclone reach it as `far:`."""

    url: str
    line: Line
    rclone: dict[str, str]
    secret: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    bare: tuple[str | Path, ...] = ()
    """The plain tool of the trade that lists the share."""
    bare_hash: tuple[str | Path, ...] = ()
    path: str = ""
    """Where the share lies, for rclone."""

    def board(self, bench: Bench, targets: dict[str, str] | None = None) -> Path:
        """Write an inventory with this share."""
        return write_board(bench.new_folder(), {"共有": self.url}, targets, secret=self.secret)


@contextmanager
def over_ssh(bench: Bench, root: Path, delay: float = ONE_WAY, rate: float = RATE) -> Iterator[Server]:
    """Serve a folder by OpenSSH behind the line."""
    with serve_ssh(bench.new_folder() / "sshd") as server, lay_line(server.port, delay, rate) as line:
        known = server.folder / "known_far"
        known.write_text(server.known_hosts.read_text().replace(f":{server.port}", f":{line.port}"))
        user = server.url().partition("//")[2].partition("@")[0]
        ssh = (
            "ssh", "-F", "none", "-i", server.key, "-p", str(line.port), "-o", f"UserKnownHostsFile={known}",
            "-o", "BatchMode=yes", f"{user}@127.0.0.1",
        )
        settings = {
            "TYPE": "sftp", "HOST": "127.0.0.1", "PORT": str(line.port), "USER": user,
            "KEY_FILE": str(server.key), "KNOWN_HOSTS_FILE": str(known),
        }
        # the folder is a name of the bench's own making, without anything a shell would take
        where = str(root)
        yield Server(
            url=f"sftp://{user}@127.0.0.1:{line.port}{root}",
            line=line,
            rclone={f"RCLONE_CONFIG_FAR_{name}": value for name, value in settings.items()},
            secret=f"file:{server.key}",
            variables={"HOME": str(_home(bench, known, server.key))},
            bare=(*ssh, f"find {where} -printf '%y %s %T@ %p\\0'"),
            bare_hash=(*ssh, f"find {where} -type f -print0 | xargs -0 sha256sum"),
            path=where,
        )


@contextmanager
def over_smb(bench: Bench, root: Path, delay: float = ONE_WAY, rate: float = RATE) -> Iterator[Server]:
    """Serve a folder by Samba behind the line."""
    folder = bench.new_folder()
    (folder / "share").symlink_to(root)
    with serve_samba(folder) as server, lay_line(server.port, delay, rate) as line:
        obscured = subprocess.run([RCLONE, "obscure", "-"], input=PASSWORD, capture_output=True, text=True, check=True)
        settings = {
            "TYPE": "smb", "HOST": "127.0.0.1", "PORT": str(line.port), "USER": server.user,
            "PASS": obscured.stdout.strip(),
        }
        login = folder / "login"
        login.write_text(f"username = {server.user}\npassword = {PASSWORD}\n")
        yield Server(
            url=f"smb://{server.user}@127.0.0.1:{line.port}/{quote(SHARE)}",
            line=line,
            rclone={f"RCLONE_CONFIG_FAR_{name}": value for name, value in settings.items()},
            secret=f"env:{PASSWORD_VARIABLE}",
            variables={PASSWORD_VARIABLE: PASSWORD},
            bare=(
                "smbclient", f"//127.0.0.1/{SHARE}", "-p", str(line.port), "-A", login, "-c", "recurse ON; ls",
            ),
            path=SHARE,
        )


def names_sftp(bench: Bench) -> Iterator[Found]:
    """First look at a share over SFTP against the quicker of rclone lsf and find."""
    with over_ssh(bench, _entries(bench)) as server:
        yield from _names(bench, "names-sftp", server)


def names_smb(bench: Bench) -> Iterator[Found]:
    """First look at a share over SMB against the quicker of rclone lsf and smbclient."""
    with over_smb(bench, _entries(bench)) as server:
        yield from _names(bench, "names-smb", server)


def hash_sftp(bench: Bench) -> Iterator[Found]:
    """Scan with hashes computed on the server, and a verification there, against rclone and a bare pipe of find."""
    root = bench.files(f"far-hash-{bench.size.school}", sample_share.tiny(bench.size.school), seed=21)
    with over_ssh(bench, root) as server:
        board = server.board(bench)

        def scan() -> Measure:
            state = bench.new_folder()
            return bench.kdx(board, state, "inventory", "scan", SCHOOL, "--hash", **server.variables)

        def bare() -> Measure:
            return bench.run(*server.bare_hash)

        def download() -> Measure:
            return bench.run(RCLONE, "hashsum", "sha256", "--download", f"far:{server.path}", **server.rclone)

        yield Comparison("hash-sftp", "find | xargs sha256sum", "wall", in_pairs(scan, bare, bench.size.pairs), 1.3)
        yield Comparison("hash-sftp", "rclone hashsum --download", "wall", in_pairs(scan, download, 1), 0.1)
    yield from _verify_there(bench, root)


def small_sftp(bench: Bench) -> Iterator[Found]:
    """Small files from SFTP to S3, both behind the line, against rclone."""
    with over_ssh(bench, _small(bench)) as server:
        yield from _small_files(bench, "small-sftp", server, ("--sftp-disable-hashcheck",))


def small_smb(bench: Bench) -> Iterator[Found]:
    """Small files from SMB to S3, both behind the line, against rclone."""
    with over_smb(bench, _small(bench)) as server:
        yield from _small_files(bench, "small-smb", server, ())


def large(bench: Bench) -> Iterator[Found]:
    """One large file from each server to a folder: the part of the line it takes."""
    size = bench.size.large
    root = bench.files(f"large-{size}", iter([sample_share.Sample("動画/運動会.mp4", size, 1_700_000_000)]), seed=2)
    for name, serve in (("large-sftp", over_ssh), ("large-smb", over_smb)):
        with serve(bench, root) as server:
            state, target = bench.new_folder(), bench.new_folder()
            board = server.board(bench, {"cloud": str(target)})
            took = bench.kdx(board, state, "migrate", "run", SCHOOL, **server.variables).wall
            shutil.rmtree(target)
        yield Figures(name, "time over the line's own", "x", [took / (size / RATE)], 1 / 0.9)


def capped(bench: Bench) -> Iterator[Found]:
    """A minute of a large file under a cap: what came over the line, over what the cap allows in that time."""
    cap = 2_500_000
    size = cap * bench.size.capped_seconds
    root = bench.files(f"capped-{size}", iter([sample_share.Sample("動画/入学式.mp4", size, 1_700_000_000)]), seed=4)
    for name, serve in (("capped-sftp", over_ssh), ("capped-smb", over_smb)):
        with serve(bench, root) as server:
            board = server.board(bench, {"cloud": str(bench.new_folder())})
            words = ("migrate", "run", SCHOOL, "--bandwidth", "20Mbit")
            took = bench.kdx(board, bench.new_folder(), *words, **server.variables).wall
            yield Figures(name, "bytes over the cap's own", "x", [server.line.received / (cap * took)], 1.05)


def cut(bench: Bench) -> Iterator[Found]:
    """A large file whose line breaks at half: what is sent a second time, over a line that is only long."""
    size = bench.size.large
    root = bench.files(f"large-{size}", iter([sample_share.Sample("動画/運動会.mp4", size, 1_700_000_000)]), seed=2)
    for name, serve in (("cut-sftp", over_ssh), ("cut-smb", over_smb)):
        target = bench.new_folder()
        with serve(bench, root, rate=0) as server:
            server.line.cut_after = size // 2
            board = server.board(bench, {"cloud": str(target)})
            bench.kdx(board, bench.new_folder(), "migrate", "run", SCHOOL, **server.variables)
            again = server.line.received - size
        shutil.rmtree(target)
        yield Figures(name, "sent again", "MiB", [again / MIB], 64)


def _names(bench: Bench, name: str, server: Server) -> Iterator[Found]:
    board = server.board(bench)

    def look() -> Measure:
        return bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL, **server.variables)

    def lsf() -> Measure:
        return bench.run(RCLONE, "lsf", "-R", "--format", "pst", f"far:{server.path}", **server.rclone)

    def bare() -> Measure:
        return bench.run(*server.bare)

    quicker = min(((one().wall, number) for number, one in enumerate((lsf, bare))))[1]
    peer = ("rclone lsf -R", str(server.bare[0]))[quicker]
    pairs = in_pairs(look, (lsf, bare)[quicker], bench.size.pairs)
    yield Comparison(name, peer, "wall", pairs, 1.5)
    yield Figures(name, "peak memory", "MB", [ours.peak / 1e6 for ours, _ in pairs], 400)


def _verify_there(bench: Bench, root: Path) -> Iterator[Found]:
    """Move a share to a server without a delay, then verify it through the line."""
    landing = bench.new_folder()
    with ExitStack() as stack:
        server = stack.enter_context(over_ssh(bench, landing))
        board, state = write_board(bench.new_folder(), {"共有": root}, {"cloud": server.url}), bench.new_folder()
        bench.kdx(board, state, "migrate", "run", SCHOOL, **server.variables)

        def verify() -> Measure:
            return bench.kdx(board, state, "migrate", "verify", SCHOOL, **server.variables)

        def bare() -> Measure:
            return bench.run(*server.bare_hash)

        yield Comparison("verify-sftp", "find | xargs sha256sum", "wall", in_pairs(verify, bare, bench.size.pairs), 1.3)


def _small_files(bench: Bench, name: str, server: Server, lean: tuple[str, ...]) -> Iterator[Found]:
    with serve_s3(bench.new_folder(), "kdx", "rclone") as store:
        port = int(store.endpoint.rpartition(":")[2])
        with lay_line(port, ONE_WAY, RATE) as line:
            endpoint = f"http://127.0.0.1:{line.port}"
            ours = _move_with_kdx(bench, server, store, endpoint)
            for peer, words, count, limit in (
                ("rclone copy", (), 1, 0.5), ("rclone copy, tuned", (*TUNED, *lean), bench.size.pairs, 0.9),
            ):
                theirs = _move_with_rclone(bench, server, store, endpoint, words)
                yield Comparison(name, peer, "wall", in_pairs(ours, theirs, count), limit)


def _move_with_kdx(bench: Bench, server: Server, store: LocalStore, endpoint: str) -> Callable[[], Measure]:
    def move() -> Measure:
        state = bench.new_folder()
        board = server.board(bench, {"cloud": f"s3://kdx/{state.name}?endpoint={endpoint}&region=us-east-1"})
        cost = bench.kdx(board, state, "migrate", "run", SCHOOL, **server.variables, **store.keys())
        shutil.rmtree(store.folder / "kdx" / state.name)
        return cost

    return move


def _move_with_rclone(
    bench: Bench, server: Server, store: LocalStore, endpoint: str, words: tuple[str, ...]
) -> Callable[[], Measure]:
    remote = {**store.rclone_remote(), "RCLONE_CONFIG_LOCAL_ENDPOINT": endpoint}

    def move() -> Measure:
        prefix = bench.new_folder().name
        target = f"local:rclone/{prefix}"
        cost = bench.run(RCLONE, "copy", f"far:{server.path}", target, *words, **server.rclone, **remote)
        shutil.rmtree(store.folder / "rclone" / prefix)
        return cost

    return move


def _entries(bench: Bench) -> Path:
    return bench.files(f"far-entries-{bench.size.far}", sample_share.entries(bench.size.far), seed=5)


def _small(bench: Bench) -> Path:
    return bench.files(f"far-small-{bench.size.far // 10}", sample_share.tiny(bench.size.far // 10), seed=6)


def _home(bench: Bench, known: Path, key: Path) -> Path:
    """Return a home with nothing but a list of known hosts and the key that a target is reached with."""
    home = bench.new_folder()
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "known_hosts").write_bytes(known.read_bytes())
    (home / ".ssh" / "id_ed25519").write_bytes(key.read_bytes())
    return home


BENCHES: dict[str, Callable[[Bench], Iterator[Found]]] = {
    "names-sftp": names_sftp,
    "names-smb": names_smb,
    "hash-sftp": hash_sftp,
    "small-sftp": small_sftp,
    "small-smb": small_smb,
    "large": large,
    "capped": capped,
    "cut": cut,
}
