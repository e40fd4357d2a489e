"""A look inside Office files: what is encrypted, what leans on the old server; and files that are not what they say."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from rigs.command_line import japanese_kdx
from rigs.hard_names import file
from sample_board import write_board

from kdx.config.location import parse_location
from kdx.inventory.assess.inside import ENCRYPTED, LINKS, MOST, links_of, look_inside
from kdx.remotes.local import LocalRemote

OLE = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath"'
    ' Target="{target}" TargetMode="External"/></Relationships>'
)


def book(*targets: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        for number, target in enumerate(targets):
            archive.writestr(f"xl/externalLinks/_rels/externalLink{number}.xml.rels", RELATIONS.format(target=target))
    return raw.getvalue()


SERVER = "file:///\\\\sv01\\%E5%85%B1%E6%9C%89\\a&amp;b.xlsx"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    for name, content in {
        "locked.xlsx": OLE, "linked.xlsx": book(SERVER, SERVER), "plain.xlsx": book(), "old.xls": OLE,
        "torn.xlsx": book(SERVER)[:-40], "empty.docx": b"", "text.docx": b"no archive", "slides.PPTX": OLE,
    }.items():
        (tmp_path / "share" / name).write_bytes(content)
    return tmp_path / "share"


def test_encrypted_files_and_links_to_the_old_server_are_found_and_nothing_else(share):
    entries = [file(path.name, size=path.stat().st_size) for path in sorted(share.iterdir())]
    entries += [file("gone.xlsx", size=9), file("ignored.xlsx", size=9, skip="ignored")]
    remote = LocalRemote(parse_location(str(share)))
    taken: list[int] = []
    assert [(one.path, one.rule.id, one.detail) for one in look_inside(entries, remote, taken.append)] == [
        ("linked.xlsx", "outside-links", "file:///\\\\sv01\\共有\\a&b.xlsx"),
        ("locked.xlsx", "encrypted", "EncryptedPackage"),
        ("slides.PPTX", "encrypted", "EncryptedPackage"),
    ]
    # every byte that came over the line has waited its turn, and old.xls was not opened
    assert sum(taken) == sum(path.stat().st_size for path in share.iterdir() if path.suffix != ".xls")


def test_of_a_workbook_too_large_to_read_whole_nothing_is_said(share):
    entries = [file("linked.xlsx", size=MOST + 1)]
    assert list(look_inside(entries, LocalRemote(parse_location(str(share))), lambda count: None)) == []


def test_a_list_of_links_that_is_too_large_is_not_unpacked():
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/externalLinks/_rels/a.rels", 'Target="x"' + " " * (2 << 20))
    assert links_of(raw.getvalue()) == []


def test_the_command_reads_files_only_when_it_is_asked_to(share, tmp_path):
    folder = write_board(tmp_path / "inventory", {"share": share})
    with japanese_kdx(folder, tmp_path / "state") as invoke:
        invoke("inventory", "scan", "es", "--names")

        def rules(*words: str) -> set[str]:
            listed = invoke("assess", "es", "--to", "s3", "--list", "--json", *words)
            return {row["rule"] for row in json.loads(listed.stdout)["rows"]}

        assert rules() == set()
        assert rules("--look-inside") == {ENCRYPTED.id, LINKS.id}
