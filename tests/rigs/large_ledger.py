"""Ledgers with years of events, written fast: the same rows that append() would have written, chained by hand."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kdx.state.events.event import Event
from kdx.state.events.moving import ReceiptIssued, ScanFinished, VerifyFinished
from kdx.state.events.rollout import ClaimMade, ObservationMade, PlanSet
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

Dated = tuple[datetime, Event]
CHECKS = ("staff_on_wifi", "mdm_enrolled", "edr_active", "disk_encrypted", "web_filter", "mfa_enforced")


def five_years(schools: Iterable[str], start: datetime, probes_a_day: float = 1.0, days: int = 1826) -> Iterator[Dated]:
    """Yield what a board's ledger holds after five years: daily probes, weekly scans, claims and plans."""
    names = list(schools)
    for day in range(days):
        now = start + timedelta(days=day)
        for number, school in enumerate(names):
            share = f"{school}-1"
            if int((day + 1) * probes_a_day) > int(day * probes_a_day):
                for check in CHECKS:
                    result = "fail" if (day + number) % 97 == 0 else "pass"
                    yield now, ObservationMade(check, school, "", f"fs-{school}", "board", "TEST", result, now)
            if (day + number) % 7 == 0:
                yield now, ScanFinished(school, "共有", share, 9, 8, 7, 0, 0, True, "c", "0" * 64, now, now)
            if (day + number) % 90 == 0:
                names_of = {"school": school, "share": "共有", "share_id": share, "target": "s3://b/p"}
                yield now, VerifyFinished(
                    **names_of, level="checksum", outcomes={}, sizes={}, how={}, plan_sha256="p", verified_sha256="v",
                    exit_code=0, started=now, ended=now,
                )
                yield now, ReceiptIssued(school, "s3://b/p", [share], True, "1" * 64, "SHA256:x", "/r")
            if (day + number) % 30 == 0:
                yield now, ClaimMade("training", school, "", "in progress", day % 40, 40, "", "")
                yield now, PlanSet("cutover", school, "", (now + timedelta(days=200)).date().isoformat(), "業者")


def write_ledger(state: Path, events: Iterable[Dated]) -> int:
    """Write a ledger of these events and return their number. The hash is computed here, not by kdx."""
    folder = StateFolder(state)
    with open_ledger(folder, actor="a@b", request_id="r", clock=lambda: datetime.now(UTC)) as ledger:
        ledger.append(ClaimMade("plain", "", "", "done", None, None, "", ""))
    database = sqlite3.connect(folder.ledger)
    previous: str = database.execute("SELECT hash FROM events").fetchone()[0]
    rows, present, number = [], {("rollout.claimed", "plain@-"): 1}, 1
    for number, (time, event) in enumerate(events, 2):
        fields = [
            number, time.astimezone(UTC).isoformat(timespec="microseconds"), "a@b", "r", event.kind, event.subject,
            json.dumps(event.to_body(), ensure_ascii=False, sort_keys=True), previous,
        ]
        previous = hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
        rows.append((*fields, previous))
        present[event.kind, event.subject] = number
    with database:
        database.executemany("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?)", rows)
        database.execute("DELETE FROM present")
        database.executemany("INSERT INTO present VALUES (?,?,?)", [(*key, value) for key, value in present.items()])
        database.execute("UPDATE head SET id = ?, hash = ?", (number, previous))
    database.close()
    return number
