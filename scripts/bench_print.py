"""Lines of the bench: kdx, the peer and their ratio side by side, with the limit and whether it is met."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from bench_measure import Comparison, Verdict, judge

FORMAT = "{:12} {:28} {:>11} {:>11} {:>8} {:>8}  {}"


@dataclass(frozen=True, slots=True)
class Figures:
    """A figure of kdx alone, one value a run, and the limit its median must keep."""

    name: str
    what: str
    unit: str
    values: Sequence[float]
    limit: float

    @property
    def verdict(self) -> Verdict:
        """Whether the limit is met."""
        return judge(self.values, self.limit)


@dataclass(frozen=True, slots=True)
class BytesBeside:
    """Bytes that kdx and a peer took for the same, side by side; the project sets no limit."""

    name: str
    peer: str
    ours: int
    theirs: int
    verdict: Literal["no limit"] = "no limit"


Line = Comparison | Figures | BytesBeside


def print_lines(lines: Sequence[Line]) -> None:
    """Print what one bench found."""
    print()
    print(FORMAT.format("bench", "beside", "kdx", "peer", "ratio", "limit", ""))
    for line in lines:
        print(FORMAT.format(*_cells(line)))
        if isinstance(line, Comparison) and line.figure == "wall":
            print(_costs(line))


def to_json(lines: Sequence[Line]) -> list[dict[str, object]]:
    """Return the lines as plain data, every single measurement included."""
    return [_plain(line) for line in lines]


def _cells(line: Line) -> tuple[str, ...]:
    if isinstance(line, Figures):
        middle = statistics.median(line.values)
        return (line.name, line.what, f"{middle:.2f} {line.unit}", "", "", f"{line.limit:g}", line.verdict)
    if isinstance(line, BytesBeside):
        sides = f"{line.ours / 1e6:.2f} MB", f"{line.theirs / 1e6:.2f} MB", f"{line.ours / line.theirs:.2f}"
        return (line.name, line.peer, *sides, "", line.verdict)
    ours, theirs, ratio = line.medians
    beside = f"{line.peer} ({line.figure})"
    return (line.name, beside, f"{ours:.2f} s", f"{theirs:.2f} s", f"{ratio:.2f}", f"{line.limit:g}", line.verdict)


def _costs(line: Comparison) -> str:
    """Say what else the median command cost, and how far the pairs lie apart."""
    sides = []
    for name, measures in zip(("kdx", "peer"), zip(*line.pairs, strict=True), strict=True):
        cpu = statistics.median(measure.cpu for measure in measures)
        peak = max(measure.peak for measure in measures)
        sides.append(f"{name}: CPU {cpu:.2f} s, peak {peak / 1e6:.0f} MB")
    return f"{'':12} {'; '.join(sides)}; {len(line.pairs)} pairs, ratios {min(line.ratios):.2f}-{max(line.ratios):.2f}"


def _plain(line: Line) -> dict[str, object]:
    if isinstance(line, BytesBeside):
        return asdict(line)
    same = {"name": line.name, "limit": line.limit, "verdict": line.verdict}
    if isinstance(line, Figures):
        return {**same, "what": line.what, "unit": line.unit, "values": list(line.values)}
    pairs = [{"kdx": asdict(ours), "peer": asdict(theirs)} for ours, theirs in line.pairs]
    return {**same, "peer": line.peer, "figure": line.figure, "ratio": line.medians[2], "pairs": pairs}
