"""A board whose one school has the machines a test made, and `kdx rollout probe` run on it as installed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KDX = Path(sys.executable).with_name("kdx")
CHECKOUT = Path(__file__).parents[2]
SCHOOL = "試験市立西小学校"


@dataclass
class ProbedBoard:
    """An inventory with one school."""

    folder: Path
    hosts: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """Name of a host -> its variables."""
    probe: dict[str, object] = field(default_factory=dict)
    """The section probe: of rollout.yml."""
    settings: str = ""
    """More lines of kdx.yml."""

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory"

    def write(self) -> None:
        """Write the inventory: JSON is YAML."""
        self.inventory.mkdir(exist_ok=True)
        school = {"vars": {"school_name": SCHOOL, "kind": "elementary"}, "hosts": self.hosts}
        hosts = {"all": {"children": {"schools": {"children": {"nishi_es": school}}}}}
        (self.inventory / "hosts.yml").write_text(json.dumps(hosts, ensure_ascii=False), "utf-8")
        (self.inventory / "kdx.yml").write_text(f"board: 試験市教育委員会\n{self.settings}", "utf-8")
        text = (CHECKOUT / "kdx/rollout/standard.yml").read_text("utf-8")
        before, _section, after = text.partition("\nprobe:\n")
        rest = after[after.index("\nstreams:\n") :]
        section = f"\nprobe: {json.dumps(self.probe, ensure_ascii=False)}\n"
        (self.inventory / "rollout.yml").write_text(before + section + rest, "utf-8")

    def command(self, *words: str, prefix: tuple[str, ...] = ()) -> list[str]:
        return [*prefix, str(KDX), "rollout", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ, "KDX_INVENTORY": str(self.inventory), "KDX_STATE": str(self.folder / "state"),
            "KDX_LANG": "en", "HOME": str(self.folder),
        }

    def run(self, *words: str, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        self.write()
        return subprocess.run(
            self.command(*words, prefix=prefix), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", timeout=120,
        )

    def results(self, *words: str, prefix: tuple[str, ...] = ()) -> dict[tuple[str, str], tuple[str, str]]:
        """Probe, and return for each machine and check the result and what was found."""
        done = self.run("probe", "--json", *words, prefix=prefix)
        assert done.returncode in (0, 5, 6), done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
        found = {(row["target"], row["check"]): (row["result"], row["found"]) for row in rows}
        assert len(found) == len(rows)
        results = {result for result, _why in found.values()}
        assert done.returncode == (5 if "fails" in results else 6 if "not known" in results else 0)
        return found

    def state(self, milestone: str) -> str:
        done = self.run("school", "nishi_es", "--json")
        rows = {row["milestone"]: row["state"] for row in json.loads(done.stdout)["rows"]}
        return str(rows[milestone])
