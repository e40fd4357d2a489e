"""A scan that is killed at any moment goes on, and ends with the catalog an undisturbed one would have written."""

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdx.inventory.catalog.catalog import all_catalogs, open_catalog
from sample_board import SCHOOL
from tests.system.conftest import Site

pytestmark = pytest.mark.system

FILES = 12_000
LONG_AGO = 1_600_000_000
KILLS = 20
ENOUGH = 300_000
"""Bytes of journals that hold more than 500 hashes."""


@pytest.fixture
def site(folder_site: Site) -> Site:
    """A share of many small files, some large ones, and names that are hard."""
    random_bytes = random.Random(2)
    for number in range(FILES):
        folder = folder_site.share / f"令和{number % 7 + 1}年度" / f"{number % 60:02}_教務"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"文書{number:05}.docx").write_bytes(random_bytes.randbytes(number % 3000))
    for number in range(6):
        (folder_site.share / f"運動会{number}.mov").write_bytes(random_bytes.randbytes(24 << 20))
    for name in (b"\x89^\x93\xae\x89\xef.doc", b"new\nline", b"$(touch x)", b"\x1b[31m"):
        Path(os.fsdecode(os.fsencode(folder_site.share) + b"/" + name)).write_bytes(name)
    for parent, _folders, names in os.walk(os.fsencode(folder_site.share)):
        for name in names:
            os.utime(os.path.join(parent, name), (LONG_AGO, LONG_AGO))
    return folder_site


def expected(share: Path) -> dict[bytes, tuple[int, bytes]]:
    """What a share holds, read without kdx."""
    root, found = os.fsencode(share), {}
    for parent, _folders, names in os.walk(root):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                content = file.read()
            found[os.path.relpath(path, root)] = (len(content), hashlib.sha256(content).digest())
    return found


def cataloged(site: Site) -> dict[bytes, tuple[int, bytes | None]]:
    """What the only catalog of a site says."""
    (catalog,) = catalogs(site)
    return {
        os.fsencode(entry.path): (entry.size, entry.sha256)
        for entry in open_catalog(catalog).entries()
        if entry.kind == "file"
    }


def processes_of(session: int) -> Iterator[int]:
    """Processes that a command left behind."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _parent, _group, found = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(found) == session and state != "Z":
                yield int(folder.name)


def journals(site: Site, pattern: str = "*.ndjson") -> int:
    """Bytes that killed scans left behind."""
    return sum(path.stat().st_size for path in (site.state / "scans").rglob(pattern))


def hashes(site: Site) -> int:
    """Bytes of what killed scans left of use: names without content are looked at again."""
    return journals(site, "*-walk-*.ndjson") + journals(site, "*-hash-*.ndjson")


def catalogs(site: Site) -> list[Path]:
    """The catalogs of the only share."""
    return [path for folder in (site.state / "catalogs").glob("*") for path in all_catalogs(folder)]


def test_a_scan_killed_at_twenty_moments_ends_with_the_catalog_of_what_is_there(site: Site) -> None:
    moments = random.Random(8)
    interrupted = 0
    for _ in range(KILLS):
        scan = site.start("inventory", "scan", SCHOOL)
        time.sleep(moments.uniform(0.1, 0.6))
        scan.kill()
        scan.wait()
        until = time.monotonic() + 5
        while left := list(processes_of(scan.pid)):
            assert time.monotonic() < until, f"workers {left} outlived the scan that was killed"
            time.sleep(0.01)
        for done in catalogs(site):
            # it was done before it was killed: whole, and the next one begins anew
            assert cataloged(site) == expected(site.share)
            done.unlink()
        interrupted += journals(site) > 0
    assert interrupted >= 3, "no moment lay in the midst of a scan"

    while hashes(site) < ENOUGH:
        scan = site.start("inventory", "scan", SCHOOL)
        while hashes(site) < ENOUGH and scan.poll() is None:
            time.sleep(0.002)
        scan.kill()
        scan.wait()
        for done in catalogs(site):
            done.unlink()
    ended = site.kdx("inventory", "scan", SCHOOL, "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["rows"][0]["read"] < FILES - 500, "nothing of what was hashed before was used"
    assert cataloged(site) == expected(site.share)
    assert journals(site) == 0


def test_a_scan_that_is_told_to_stop_stops_and_leaves_what_it_did(site: Site) -> None:
    scan = site.start("inventory", "scan", SCHOOL)
    while not journals(site):
        assert scan.poll() is None
        time.sleep(0.001)
    scan.send_signal(signal.SIGTERM)
    assert scan.wait(10) == 130
    assert list(processes_of(scan.pid)) == []
    assert catalogs(site) == []
    assert site.kdx("inventory", "scan", SCHOOL).returncode == 0
    assert cataloged(site) == expected(site.share)
