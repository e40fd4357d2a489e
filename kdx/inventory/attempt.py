"""One attempt at a scan: what a killed one left, what this one writes. Journals count only under equal conditions."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kdx.config.model import Share
from kdx.inventory.catalog.catalog import latest_catalog
from kdx.progress import Progress
from kdx.state.folder import StateFolder

CONDITIONS = "conditions.json"
STAGES_WITH_HASHES = ("walk", "hash")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one scan works with."""

    share: Share
    catalogs: Path
    last: Path | None
    """The last catalog of the share."""
    scratch: Path
    left: tuple[Path, ...]
    """Journals with hashes that killed attempts left."""
    began: datetime
    """When the first of those attempts began."""
    name: str
    started: datetime
    clock: Callable[[], datetime]
    progress: Progress

    @property
    def is_first(self) -> bool:
        """Whether no hash of this share is known yet."""
        return self.last is None and not self.left

    def journals(self, *stages: str) -> list[Path]:
        """Return the journals this attempt wrote in these stages."""
        return sorted(path for stage in stages for path in self.scratch.glob(f"{self.name}-{stage}-*.ndjson"))

    def forget(self) -> None:
        """Remove what was only needed until the catalog was there."""
        for path in self.scratch.iterdir():
            path.unlink()


def begin_attempt(share: Share, state: StateFolder, clock: Callable[[], datetime], progress: Progress) -> Attempt:
    """Look at what is there already; what was left under another address or other ignore rules is not used."""
    scratch, started = state.scan(share.id), clock()
    began = _begin(share, scratch, started)
    left = tuple(sorted(path for stage in STAGES_WITH_HASHES for path in scratch.glob(f"*-{stage}-*.ndjson")))
    for path in scratch.iterdir():
        # names without content, tables half written, what DuckDB spilled: all of it is made anew
        if path not in left and path.name != CONDITIONS:
            path.unlink()
    number = max((int(path.name.partition("-")[0]) for path in left), default=0) + 1
    catalogs = state.catalogs(share.id)
    return Attempt(
        share, catalogs, latest_catalog(catalogs), scratch, left, began, f"{number:06d}", started, clock, progress
    )


def _begin(share: Share, scratch: Path, started: datetime) -> datetime:
    """Return when the first attempt under the present conditions began."""
    conditions = {"root": str(share.location), "ignore": [share.ignore.version, *share.ignore.patterns]}
    file = scratch / CONDITIONS
    try:
        found = json.loads(file.read_text("utf-8"))
        if found["conditions"] == conditions:
            return datetime.fromisoformat(found["began"])
    except (FileNotFoundError, ValueError, KeyError):
        pass
    for path in scratch.iterdir():
        path.unlink()
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"conditions": conditions, "began": started.isoformat()}), "utf-8")
    unfinished.replace(file)
    return started
