"""What kdx costs over rclone, beside rclone alone: a WebDAV server here, the same transfers and the same pauses.

WebDAV keeps no digest, so that `rclone check` compares sizes there; kdx verify reads every byte back, and its peer does
so too (`check --download`).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import sample_share
from bench_measure import Comparison, Measure, in_pairs
from bench_print import Line
from bench_run import Bench
from local_store import RCLONE
from sample_board import SCHOOL, write_board

from tests.rigs.cloud import serve_webdav, webdav, write_config

TRANSFERS = 8
"""As many as kdx begins with over rclone (Capabilities.parallel)."""
LIMIT = 1.1
TARGET = "school"


def rclone_webdav(bench: Bench) -> Iterator[Line]:
    """migrate run, and run with verify, over rclone to WebDAV against rclone copy, and copy with check."""
    count = bench.size.migrate // 2
    folder = bench.files(f"cloud-{count}", sample_share.school_shaped(count), seed=8)
    ours, theirs = partial(_with_kdx, bench, folder), partial(_with_rclone, bench, folder)
    for name, proven, peer in (
        ("rclone-webdav", False, "rclone copy"), ("rclone-webdav", True, "copy + check --download"),
    ):
        pairs = in_pairs(
            partial(_served, bench, partial(ours, proven)), partial(_served, bench, partial(theirs, proven)),
            bench.size.pairs,
        )
        yield Comparison(name, peer, "wall", pairs, LIMIT)
        yield Comparison(name, peer, "cpu", pairs, LIMIT)


def _served(bench: Bench, move: Callable[[dict[str, str]], Measure]) -> Measure:
    """Measure a move to a server of its own: one that has served others for a while takes longer for each file."""
    disk = bench.new_folder()
    (disk / TARGET).mkdir()
    with serve_webdav(disk) as address:
        # no pause between requests for both: what is measured is work, not waiting
        config = write_config(bench.new_folder() / "rclone.conf", {"cloud": webdav(address)})
        cost = move({"RCLONE_CONFIG": os.fspath(config), "RCLONE_TRANSFERS": str(TRANSFERS)})
    shutil.rmtree(disk)
    return cost


def _with_kdx(bench: Bench, folder: Path, proven: bool, variables: dict[str, str]) -> Measure:
    board = write_board(bench.new_folder(), {"共有": folder}, {"cloud": f"rclone:cloud:{TARGET}"})
    state = bench.new_folder()
    cost = bench.kdx(board, state, "migrate", "run", SCHOOL, **variables)
    if proven:
        cost += bench.kdx(board, state, "migrate", "verify", SCHOOL, **variables)
    return cost


def _with_rclone(bench: Bench, folder: Path, proven: bool, variables: dict[str, str]) -> Measure:
    cost = bench.run(RCLONE, "copy", folder, f"cloud:{TARGET}", **variables)
    if proven:
        cost += bench.run(RCLONE, "check", "--download", folder, f"cloud:{TARGET}", **variables)
    return cost


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {"rclone-webdav": rclone_webdav}
