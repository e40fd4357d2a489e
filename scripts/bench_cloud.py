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


def rclone_webdav(bench: Bench) -> Iterator[Line]:
    """migrate run, and run with verify, over rclone to WebDAV against rclone copy, and copy with check."""
    count = bench.size.migrate // 2
    folder = bench.files(f"cloud-{count}", sample_share.school_shaped(count), seed=8)
    disk = bench.new_folder()
    with serve_webdav(disk) as address:
        # no pause between requests for both: what is measured is work, not waiting
        config = write_config(bench.new_folder() / "rclone.conf", {"cloud": webdav(address)})
        variables = {"RCLONE_CONFIG": os.fspath(config), "RCLONE_TRANSFERS": str(TRANSFERS)}
        ours, theirs = _with_kdx(bench, disk, folder, variables), _with_rclone(bench, disk, folder, variables)
        for name, proven, peer in (
            ("rclone-webdav", False, "rclone copy"), ("rclone-webdav", True, "copy + check --download"),
        ):
            pairs = in_pairs(partial(ours, proven), partial(theirs, proven), bench.size.pairs)
            yield Comparison(name, peer, "wall", pairs, LIMIT)


def _with_kdx(bench: Bench, disk: Path, folder: Path, variables: dict[str, str]) -> Callable[[bool], Measure]:
    def move(proven: bool) -> Measure:
        state = bench.new_folder()
        (disk / state.name).mkdir()
        board = write_board(bench.new_folder(), {"共有": folder}, {"cloud": f"rclone:cloud:{state.name}"})
        cost = bench.kdx(board, state, "migrate", "run", SCHOOL, **variables)
        if proven:
            cost += bench.kdx(board, state, "migrate", "verify", SCHOOL, **variables)
        shutil.rmtree(disk / state.name)
        return cost

    return move


def _with_rclone(bench: Bench, disk: Path, folder: Path, variables: dict[str, str]) -> Callable[[bool], Measure]:
    def move(proven: bool) -> Measure:
        name = bench.new_folder().name
        target = f"cloud:{name}"
        cost = bench.run(RCLONE, "copy", folder, target, **variables)
        if proven:
            cost += bench.run(RCLONE, "check", "--download", folder, target, **variables)
        shutil.rmtree(disk / name)
        return cost

    return move


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {"rclone-webdav": rclone_webdav}
