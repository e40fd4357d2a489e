"""Real files that nobody here wrote: the documentation of this machine, links among them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from local_store import LocalStore

from sample_board import SCHOOL
from tests.system.conftest import SHARE, Site, download

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

REAL = Path("/usr/share/doc")
Tree = Callable[[Path], dict[bytes, str]]


def move(site: Site) -> None:
    """Scan, migrate, verify and hand over; every step must end with 0."""
    for words in (
        ("inventory", "scan", SCHOOL),
        ("migrate", "run", SCHOOL),
        ("migrate", "verify", SCHOOL, "--level", "checksum"),
        ("migrate", "receipt", SCHOOL, "-o", str(site.state.parent / "receipt")),
        ("migrate", "receipt", "--check", str(site.state.parent / "receipt" / "receipt.json")),
        ("audit", "verify"),
    ):
        result = site.kdx(*words)
        assert result.returncode == 0, (words, result.stdout, result.stderr)


def sums_hold(sums: Path, folder: Path) -> None:
    """Let sha256sum, not kdx, compare a copy with the receipt."""
    checked = subprocess.run(["sha256sum", "--check", "--quiet", sums], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_usr_share_doc_goes_to_object_storage_and_every_byte_arrives(
    s3_site: Site, store: LocalStore, tmp_path: Path, tree: Tree
) -> None:
    site = s3_site.reading(REAL)
    move(site)
    copy = download(store, tmp_path / "copy")
    assert tree(copy / SHARE) == tree(REAL)
    sums_hold(tmp_path / "receipt" / "SHA256SUMS", copy)


@pytest.mark.long
def test_usr_share_doc_goes_to_a_folder_with_its_links(folder_site: Site, tmp_path: Path, tree: Tree) -> None:
    site = folder_site.reading(REAL)
    move(site)
    copy = tmp_path / "target" / SCHOOL
    assert tree(copy / SHARE) == tree(REAL)
    assert links(copy / SHARE) == links(REAL)
    sums_hold(tmp_path / "receipt" / "SHA256SUMS", copy)


def links(folder: Path) -> dict[str, str]:
    """Return relative path -> where it points, of every link below `folder`."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            if path.is_symlink():
                found[str(path.relative_to(folder))] = os.readlink(path)
    return found
