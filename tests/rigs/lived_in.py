"""A board after five weeks of work: schools with invented names, snapshots, weather, drills, scans, claims."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.rigs.large_ledger import Dated, write_ledger

from kdx.config import load_board
from kdx.state.events.moving import ReceiptIssued, ScanFinished
from kdx.state.events.rollout import ClaimMade, PlanSet
from kdx.state.events.saving import DrillFinished, SnapshotSealed
from kdx.state.events.scheduling import HazardObserved

NOW = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
"""Half past six in the morning in Japan."""
NAMES = ("東", "西", "南", "北", "中央", "若葉", "青葉", "桜台", "松原", "川辺", "山手", "白鳥", "花園", "緑")


def write_inventory(folder: Path, count: int) -> Path:
    """Write the inventory of `count` schools, each with one server and one share."""
    lines = ["all:", "  children:", "    schools:", "      children:"]
    for number in range(count):
        turn, name = number // len(NAMES), NAMES[number % len(NAMES)]
        full = f"試験市立{name}{f'第{turn + 1}' if turn else ''}小学校"
        lines += [
            f"        s{number}_es:", f"          vars: {{school_name: {json.dumps(full)}, kind: elementary}}",
            "          hosts:", f"            fs-{number}:",
            f"              shares: [{{name: 共有, url: {folder}/share{number}}}]",
        ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "kdx.yml").write_text(f"board: 試験市教育委員会\nvault: {{url: {folder}/vault}}\n", "utf-8")
    shutil.copy(Path(__file__).parents[2] / "inventory/rollout.yml", folder)
    return folder


def live(inventory: Path, state: Path, days: int = 35) -> None:
    """Write the ledger of these weeks: every night saved with a few failures, one warning, some schools further on."""
    shares = [(share.school, share.id) for school in load_board(inventory).schools for share in school.shares]
    write_ledger(state, sorted(_events(shares, days), key=lambda one: one[0]))


def _events(shares: list[tuple[str, str]], days: int) -> Iterator[Dated]:
    for number, (school, share) in enumerate(shares):
        for back in range(days):
            began = NOW - timedelta(days=back, hours=8, minutes=number % 60)
            if (number * 7 + back) % 41 == 5 or (number % 14 == 9 and back < 2):
                continue
            state = "partial" if (number + back) % 17 == 0 else "suspect" if (number, back) == (3, 12) else "complete"
            yield began, _sealed(school, share, began, state)
        yield NOW - timedelta(days=40), _level(school, "clear", [], NOW - timedelta(days=40))
        warned = NOW - timedelta(days=9, hours=4)
        yield warned, _level(school, "warning", ["03 発表"], warned)
        yield warned + timedelta(hours=9), _level(school, "clear", [], warned + timedelta(hours=9))
        yield from _further(number, school, share)


def _further(number: int, school: str, share: str) -> Iterator[Dated]:
    day = NOW - timedelta(days=30 - number % 14)
    if number % 3 != 2:
        yield day, ScanFinished(school, "共有", share, 9000, 8000, 7 * 10**9, 0, 0, True, "c", "0" * 64, day, day)
        yield day, ClaimMade("training", school, "", "in progress", number % 40, 40, "", "")
    if number % 4 == 0:
        yield day, ReceiptIssued(school, "s3://b/p", [share], True, "1" * 64, "SHA256:x", "/r")
    if number % 2 == 0:
        ended = day + timedelta(minutes=4)
        yield ended, DrillFinished(
            school, "共有", share, "v", "x", False, 100, 5 * 10**7, int(number == 6), number != 6, 0, day, ended,
            10**7, 900,
        )
    yield day, PlanSet("cutover", school, "", (NOW + timedelta(days=60 + number % 90)).date().isoformat(), "業者")


def _sealed(school: str, share: str, began: datetime, state: str) -> SnapshotSealed:
    numbers = dict.fromkeys(
        ("waiting", "new", "changed", "gone", "unread", "ignored", "stored_objects", "stored_bytes", "exit_code"), 0,
    )
    reasons = ["locked 2"] if state == "partial" else []
    return SnapshotSealed(
        school=school, share="共有", share_id=share, vault="v", snapshot=f"{began:%Y%m%dT%H%M%SZ}-1", sequence=1,
        seal_sha256="0" * 64, previous="", state=state, reasons=reasons, entries=9000, files=8000, bytes=7 * 10**9,
        started=began, sealed=began + timedelta(minutes=9), **numbers,
    )


def _level(school: str, level: str, reasons: list[str], when: datetime) -> HazardObserved:
    return HazardObserved(
        school=school, level=level, acts_as=level, perils={}, reasons=reasons, doubts=[], observed=when, known=when,
        sources=["r8"],
    )
