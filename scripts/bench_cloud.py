"""What kdx costs over rclone, beside rclone alone: a WebDAV server here, the same transfers and the same pauses.

WebDAV keeps no digest, so that `rclone check` compares sizes there; kdx verify reads every byte back, and its peer does
so too (`check --download`).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import sample_share
from bench_measure import Comparison, Measure
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
    moves = [(_served(bench, ours), _served(bench, theirs)) for _ in range(bench.size.pairs)]
    sent = tuple((ours.sent, theirs.sent) for ours, theirs in moves)
    proven = tuple((ours.sent + ours.proven, theirs.sent + theirs.proven) for ours, theirs in moves)
    for peer, pairs in (("rclone copy", sent), ("copy + check --download", proven)):
        yield Comparison("rclone-webdav", peer, "wall", pairs, LIMIT)
        yield Comparison("rclone-webdav", peer, "cpu", pairs, LIMIT)


class Move(NamedTuple):
    """What sending a folder cost, and what proving that it arrived cost then."""

    sent: Measure
    proven: Measure


def _served(bench: Bench, move: Callable[[dict[str, str]], Move]) -> Move:
    """Measure a move to a server of its own: one that has served others for a while takes longer for each file."""
    disk = bench.new_folder()
    (disk / TARGET).mkdir()
    with serve_webdav(disk) as address:
        # no pause between requests for both: what is measured is work, not waiting
        config = write_config(bench.new_folder() / "rclone.conf", {"cloud": webdav(address)})
        cost = move({"RCLONE_CONFIG": os.fspath(config), "RCLONE_TRANSFERS": str(TRANSFERS)})
    shutil.rmtree(disk)
    return cost


def _with_kdx(bench: Bench, folder: Path, variables: dict[str, str]) -> Move:
    board = write_board(bench.new_folder(), {"共有": folder}, {"cloud": f"rclone:cloud:{TARGET}"})
    state = bench.new_folder()
    sent, proven = (bench.kdx(board, state, "migrate", step, SCHOOL, **variables) for step in ("run", "verify"))
    return Move(sent, proven)


def _with_rclone(bench: Bench, folder: Path, variables: dict[str, str]) -> Move:
    target = f"cloud:{TARGET}"
    sent, proven = (
        bench.run(RCLONE, *words, folder, target, **variables) for words in (("copy",), ("check", "--download"))
    )
    return Move(sent, proven)


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {"rclone-webdav": rclone_webdav}
