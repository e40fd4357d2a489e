"""What keeping a vault costs the board: to sweep a large one, to look at its locks, and to drill it.

Snapshots of the first two are made by hand, with names of objects that no backup of a bench could store in time. Locks
are those of Ceph's gateway, which `scripts/test --all` installs.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sample_share
from bench_print import Figures, Line
from bench_run import Bench
from sample_board import SCHOOL, write_board

from kdx import signing
from kdx.backup.format.chain import Chain
from kdx.backup.format.names import SEGMENTS, SnapshotName, object_name
from kdx.backup.format.seal import Counts, Link, Seal, State, seal_text
from kdx.backup.format.vault import open_vault
from kdx.config import load_board
from kdx.state.events.saving import DrillFinished, RestoreFinished
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from tests.rigs.bucket_vault import client
from tests.rigs.rgw import Gateway, serve_rgw

MB = 1e6
SNAPSHOTS = 5
AT_ONCE = 16


def sweep(bench: Bench) -> Iterator[Line]:
    """What would go from a vault whose snapshots name a million objects each, beside the store's own listing."""
    count = bench.size.entries
    board, state = _begun(bench, str(bench.new_folder() / "vault"))
    names = [object_name(SEGMENTS, hashlib.sha256(b"%d" % number).hexdigest()) for number in range(count)]
    _seal(board, state, sorted(names), SNAPSHOTS)
    measures = [bench.kdx(board, state, "backup", "prune", SCHOOL) for _run in range(bench.size.pairs)]
    yield Figures("vault-sweep", f"{count:,} names, {SNAPSHOTS} times", "s", [each.wall for each in measures], 60)
    yield Figures("vault-sweep", "peak memory", "MB", [each.peak / MB for each in measures], 500)


def audit(bench: Bench) -> Iterator[Line]:
    """A look at the locks of 20,000 objects in Ceph's gateway."""
    count = bench.size.school
    with serve_rgw() as gateway:
        address = f"s3://audit/v?endpoint={gateway.endpoint}&region=default&lock=required"
        board, state = _begun(bench, address, gateway)
        names = _upload(gateway, count)
        _seal(board, state, names, 1, gateway)
        cost = bench.kdx(board, state, "backup", "verify", "--locks", SCHOOL, **gateway.keys())
    yield Figures("lock-audit", f"{count:,} objects", "s", [cost.wall], 120)


def drill(bench: Bench) -> Iterator[Line]:
    """How much slower a drill of everything brings files back than a restore does."""
    share = bench.files(f"school-{bench.size.school}", sample_share.school_shaped(bench.size.school), seed=20)
    board, state = _begun(bench, str(bench.new_folder() / "vault"), share=share)
    bench.kdx(board, state, "backup", "run", SCHOOL)
    ratios = []
    for _pair in range(bench.size.pairs):
        folder = bench.new_folder()
        bench.kdx(board, state, "restore", SCHOOL, "--to", str(folder))
        shutil.rmtree(folder)
        bench.kdx(board, state, "drill", SCHOOL, "--whole")
        ratios.append(_seconds(state, DrillFinished.kind) / _seconds(state, RestoreFinished.kind))
    yield Figures("drill-rate", "time over that of a restore", "x", ratios, 1 / 0.9)


def _seconds(state: Path, kind: str) -> float:
    """Return how long the last restore or drill took, as the ledger has it."""
    with open_ledger(StateFolder(state), actor="bench", request_id="", clock=lambda: datetime.now(UTC)) as ledger:
        body = list(ledger.events(kind))[-1].body
    began, ended = (datetime.fromisoformat(str(body[name])) for name in ("started", "ended"))
    return (ended - began).total_seconds()


def _begun(
    bench: Bench, vault: str, gateway: Gateway | None = None, share: Path | None = None
) -> tuple[Path, Path]:
    """Return the inventory and the state of a board with a vault, a bucket with locks where there is a gateway."""
    board, state = write_board(bench.new_folder(), {"共有": share or bench.new_folder()}), bench.new_folder()
    with (board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"vault: {{url: '{vault}'}}\n")
    # before the snapshots that are made by hand
    then = datetime.now(UTC) - timedelta(days=30)
    for role in ("board", "machine"):
        signing.create_board_key(
            StateFolder(state).keys(), board / "keys", owner="bench", now=then, role=role, file=role
        )
    if gateway:
        bench.kdx(board, state, "backup", "init", "--lock", "governance", "--irrevocable", **gateway.keys())
    else:
        bench.kdx(board, state, "backup", "init")
    return board, state


def _seal(
    board: Path, state: Path, names: Sequence[str], snapshots: int, gateway: Gateway | None = None
) -> None:
    """Seal snapshots that need these objects, a day apart."""
    os.environ.update(gateway.keys() if gateway else {})
    settings = load_board(board)
    [share] = settings.school(SCHOOL).shares
    key = signing.load_private_key(StateFolder(state).keys(), "machine")
    with closing(open_vault(settings).unit(SCHOOL)) as unit:
        chain = Chain(unit, share.id, signing.load_public_keys(board / "keys"))
        previous: Link | None = None
        for number in range(snapshots):
            name = SnapshotName(datetime.now(UTC) - timedelta(days=snapshots - number), number + 1)
            references = chain.put_references(name, names)
            seal = Seal(
                vault=unit.vault.about.id, school=SCHOOL, share=share.id, title=share.name, name=name,
                previous=previous, sealed=name.started, state=State.COMPLETE, reasons=(), counts=Counts(),
                compared=None, rotation=None, references=references, unread_list="", parts=(),
            )
            previous = chain.put_seal(name, seal_text(seal, key))


def _upload(gateway: Gateway, count: int) -> list[str]:
    """Put so many objects of a few bytes into the bucket, each named by its content, and return their names."""
    s3 = client(gateway.endpoint, gateway.keys())

    def put(number: int) -> str:
        body = b"%d" % number
        name = object_name(SEGMENTS, hashlib.sha256(body).hexdigest())
        s3.put_object(Bucket="audit", Key=f"v/schools/{SCHOOL}/{name}", Body=body)
        return name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(put, range(count)))


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "vault-sweep": sweep,
    "lock-audit": audit,
    "drill-rate": drill,
}
