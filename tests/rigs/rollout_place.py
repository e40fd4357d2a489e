"""A board with three schools on a real ledger, and `kdx rollout` typed at it with a clock that the test sets."""

import getpass
import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from click.testing import CliRunner, Result

from kdx import signing
from kdx.cli import root
from kdx.cli.application import Application
from kdx.language import use_language
from kdx.state.events.event import Event
from kdx.state.events.moving import ReceiptIssued, ScanFinished
from kdx.state.events.rollout import ObservationMade
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
HOSTS = """\
all:
  children:
    schools:
      children:
        nishi_es:
          vars: {school_name: 試験市立西小学校, kind: elementary}
          hosts: {fs-nishi: {shares: [{name: 共有, url: /srv/nishi, id: nishi-1}]}}
        kabuto_es:
          vars: {school_name: 試験市立加太小学校, kind: elementary}
          hosts: {fs-kabuto: {shares: [{name: 共有, url: /srv/kabuto, id: kabuto-1}]}}
        seki_jh:
          vars: {school_name: 試験市立関中学校, kind: junior_high}
"""


@dataclass(frozen=True, slots=True)
class DrillFinished(Event):
    """As the vault records it."""

    kind: ClassVar[str] = "drill.finished"
    school: str
    share_id: str
    exit_code: int
    ended: datetime

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass
class Place:
    """An inventory, a state folder and a clock."""

    folder: Path
    now: datetime = NOON

    def append(self, *events: Event) -> None:
        state = StateFolder(self.folder / "state")
        with open_ledger(state, actor="a@b", request_id="r", clock=lambda: self.now) as ledger:
            for event in events:
                ledger.append(event)

    def __call__(self, *words: str | Path, code: int = 0, lang: str = "en") -> Result:
        environment = {
            "KDX_INVENTORY": str(self.folder / "inventory"), "KDX_STATE": str(self.folder / "state"), "KDX_LANG": lang,
        }
        application = Application(clock=lambda: self.now)
        try:
            result = CliRunner(env=environment).invoke(root, ["rollout", *map(str, words)], obj=application)
        finally:
            # the language is one for the whole process: the tests after this one speak English
            use_language("en")
        assert result.exit_code == code, result.output
        return result

    def rows(self, *words: str | Path, code: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self(*words, "--json", code=code, lang="ja").stdout)["rows"]
        return found

    def state(self, school: str, milestone: str) -> str:
        return {row["milestone"]: row["state"] for row in self.rows("school", school)}[milestone]


def make_place(folder: Path, checkout: Path) -> Place:
    """Write an inventory with two people who may sign, their keys in `folder`/private."""
    inventory = folder / "inventory"
    inventory.mkdir()
    (inventory / "hosts.yml").write_text(HOSTS, "utf-8")
    user = getpass.getuser()
    (inventory / "kdx.yml").write_text(
        f"board: 試験市教育委員会\nroles:\n  tanaka: {{may: [approve, waive, examine], user: {user}}}\n"
        f"  suzuki: {{may: [waive], user: {user}}}\n",
        "utf-8",
    )
    shutil.copy(checkout / "inventory/rollout.yml", inventory)
    for name in ("tanaka", "suzuki"):
        signing.create_board_key(
            folder / "private", inventory / "keys", owner=name, now=NOON - timedelta(days=9), role=name
        )
    return Place(folder)


def scan(school: str) -> ScanFinished:
    return ScanFinished(f"{school}_es", "共有", f"{school}-1", 3, 2, 10, 0, 0, True, "c", "0" * 64, NOON, NOON)


def receipt(school: str) -> ReceiptIssued:
    return ReceiptIssued(f"{school}_es", "s3://b/p", [f"{school}-1"], True, "1" * 64, "SHA256:x", "/r")


def drill(school: str, code: int = 0) -> DrillFinished:
    return DrillFinished(f"{school}_es", f"{school}-1", code, NOON)


def seen(
    check: str, result: str = "pass", at: datetime = NOON, school: str = "nishi_es", **fields: Any
) -> ObservationMade:
    settings = {"item": "", "target": f"fs-{school}", "vantage": "board", "method": "TEST", **fields}
    return ObservationMade(check=check, school=school, result=result, collected=at, **settings)
