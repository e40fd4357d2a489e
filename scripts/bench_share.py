"""What kdx costs on a share of this machine, beside rclone on the same files."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import sample_share
from bench_measure import Comparison, Measure, in_pairs
from bench_print import Figures, Line
from bench_run import KDX, Bench
from local_store import RCLONE, LocalStore, serve_s3
from sample_board import SCHOOL, write_board


def scan_tiny(bench: Bench) -> Iterator[Line]:
    """First scan of many tiny files against rclone hashsum."""
    folder = bench.files(f"tiny-{bench.size.tiny}", sample_share.tiny(bench.size.tiny), seed=60)
    yield _first_scan(bench, "scan-tiny", folder, limit=0.5)


def scan_school(bench: Bench) -> Iterator[Line]:
    """First scan of school-shaped files against rclone hashsum."""
    yield _first_scan(bench, "scan-school", _school(bench), limit=0.85)


def rescan(bench: Bench) -> Iterator[Line]:
    """Scan of an unchanged share against rclone hashsum and against kdx's own first scan."""
    folder = _school(bench)
    board = write_board(bench.new_folder(), {"共有": folder})
    state = bench.new_folder()

    def again() -> Measure:
        return bench.kdx(board, state, "inventory", "scan", SCHOOL)

    def first_scan() -> Measure:
        return bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    again()
    pairs = in_pairs(again, lambda: bench.hashsum(folder), bench.size.pairs)
    yield Comparison("rescan", "rclone hashsum", "wall", pairs, 0.25)
    yield Comparison("rescan", "kdx first scan", "wall", in_pairs(again, first_scan, bench.size.pairs), 0.25)


def entries(bench: Bench) -> Iterator[Line]:
    """Memory of a scan of a million entries, and whether its time grows with their number and no faster."""
    most = bench.size.entries
    whole = bench.files(f"entries-{most}", sample_share.entries(most), seed=1)
    quarter = bench.files(f"entries-{most // 4}", sample_share.entries(most // 4), seed=1)

    def scan(folder: Path) -> Callable[[], Measure]:
        board = write_board(bench.new_folder(), {"共有": folder})
        return lambda: bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    pairs = in_pairs(scan(whole), scan(quarter), max(1, bench.size.pairs // 2))
    yield Figures("entries", "peak memory", "MB", [ours.peak / 1e6 for ours, _ in pairs], 400)
    yield Comparison("entries", "a quarter of them", "wall", pairs, 4 * 1.15)


def migrate(bench: Bench) -> Iterator[Line]:
    """migrate run + verify of school-shaped files to one S3 endpoint against rclone copy + rclone check."""
    folder = bench.files(f"migrate-{bench.size.migrate}", sample_share.school_shaped(bench.size.migrate), seed=4)
    with serve_s3(bench.new_folder(), "kdx", "rclone") as store:
        ours, theirs = _move_with_kdx(bench, store, folder), _move_with_rclone(bench, store, folder)
        pairs = in_pairs(ours, theirs, bench.size.pairs)
    yield Comparison("migrate", "rclone copy + check", "wall", pairs, 0.7)
    yield Comparison("migrate", "rclone copy + check", "cpu", pairs, 0.55)


def help_(bench: Bench) -> Iterator[Line]:
    """What `kdx --help` costs beyond starting Python."""
    pairs = in_pairs(
        lambda: bench.run(KDX, "--help"), lambda: bench.run(sys.executable, "-c", "pass"), 4 * bench.size.pairs
    )
    yield Figures("help", "more than python -c pass", "s", [ours.wall - theirs.wall for ours, theirs in pairs], 0.15)


def _first_scan(bench: Bench, name: str, folder: Path, limit: float) -> Line:
    board = write_board(bench.new_folder(), {"共有": folder})

    def scan() -> Measure:
        return bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    pairs = in_pairs(scan, lambda: bench.hashsum(folder), bench.size.pairs)
    return Comparison(name, "rclone hashsum", "wall", pairs, limit)


def _school(bench: Bench) -> Path:
    return bench.files(f"school-{bench.size.school}", sample_share.school_shaped(bench.size.school), seed=20)


def _move_with_kdx(bench: Bench, store: LocalStore, folder: Path) -> Callable[[], Measure]:
    """Nothing is known beforehand: the run walks the share, plans and sends, as rclone copy does."""

    def move() -> Measure:
        state = bench.new_folder()
        target = f"s3://kdx/{state.name}?endpoint={store.endpoint}&region=us-east-1"
        board = write_board(bench.new_folder(), {"共有": folder}, {"cloud": target})
        cost = bench.kdx(board, state, "migrate", "run", SCHOOL, **store.keys())
        cost += bench.kdx(board, state, "migrate", "verify", SCHOOL, "--level", "checksum", **store.keys())
        shutil.rmtree(store.folder / "kdx" / state.name)
        return cost

    return move


def _move_with_rclone(bench: Bench, store: LocalStore, folder: Path) -> Callable[[], Measure]:
    def move() -> Measure:
        prefix = bench.new_folder().name
        target = f"local:rclone/{prefix}"
        cost = bench.run(RCLONE, "copy", folder, target, **store.rclone_remote())
        cost += bench.run(RCLONE, "check", folder, target, **store.rclone_remote())
        shutil.rmtree(store.folder / "rclone" / prefix)
        return cost

    return move


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "scan-tiny": scan_tiny,
    "scan-school": scan_school,
    "rescan": rescan,
    "entries": entries,
    "migrate": migrate,
    "help": help_,
}
