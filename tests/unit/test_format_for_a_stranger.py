"""FORMAT.md is enough: a reader written from it alone, with the standard library, zstandard and ssh-keygen.

Nothing here comes from kdx or from the other reader of the tests. The numbers are the sections of FORMAT.md.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
STEM = re.compile(r"(\d{8}T\d{6}Z)-(\d{6,})")
PACK = re.compile(r"packs/([0-9a-f]{2})/\1[0-9a-f]{62}\.tar\.zst")
SEGMENT = re.compile(r"segments/([0-9a-f]{2})/\1[0-9a-f]{62}")
SIGNATURE = b"-----BEGIN SSH SIGNATURE-----\n"
MEANING = {b"\\\\": b"\\", b"\\t": b"\t", b"\\n": b"\n", b"\\r": b"\r"}


@dataclass
class Restored:
    """What became of a snapshot: names that were refused or did not come out."""

    refused: list[bytes] = field(default_factory=list)
    lost: list[bytes] = field(default_factory=list)


def unescaped(text: bytes) -> bytes:
    """3: a backslash begins one of four pairs."""
    if re.search(rb"\\(?![\\tnr])", re.sub(rb"\\\\", b"", text)):
        raise ValueError("not an escape")
    return re.sub(rb"\\.", lambda found: MEANING[found[0]], text, flags=re.DOTALL)


def read_signed(path: Path, kind: str, signers: Path, roles: tuple[str, ...]) -> dict[str, list[str]]:
    """11: check a signed text with OpenSSH; return its values."""
    body, begin, rest = path.read_bytes().partition(SIGNATURE)
    first, *lines = body.decode("utf-8").removesuffix("\n").split("\n")
    if first != f"kdx {kind} 1":
        raise ValueError(f"not a {kind}")
    values: dict[str, list[str]] = {}
    for line in lines:
        key, colon, value = line.partition(": ")
        values.setdefault(key, []).append(unescaped(value.encode()).decode())
    signed_at = values["sealed" if kind == "seal" else "at"][0].replace("T", "")
    with (signers.parent / "signature").open("wb") as file:
        file.write(begin + rest)
    words = ["ssh-keygen", "-Y", "verify", "-f", signers, "-n", f"kdx-{kind}", "-s", file.name]
    words += ["-O", f"verify-time={signed_at}"]
    if all(subprocess.run([*words, "-I", role], input=body, capture_output=True).returncode for role in roles):
        raise ValueError("not signed by a key that counts")
    return values


def read_seal(path: Path, signers: Path) -> dict[str, list[str]]:
    """8: a seal counts only where it lies."""
    vault = path.parents[4] if path.parent.parent.name == "snapshots" else path.parents[1]
    facts = json.loads((vault / "kdx-vault.json").read_text("utf-8"))
    if facts["format"] != 1 or facts["encryption"] is not None:  # 2
        raise ValueError("a vault of another kind")
    board = path.parent.name == "board"
    seal = read_signed(path, "seal", signers, ("board",) if board else ("machine", "board"))
    place = ("-", "board") if board else (path.parents[2].name, path.parent.name)
    started, sequence = STEM.fullmatch(path.stem).groups()  # type: ignore[union-attr]
    said = (seal["vault"], seal["school"], seal["share"], seal["started"], int(seal["sequence"][0]))
    if said != ([facts["vault"]], [place[0]], [place[1]], [started], int(sequence)):
        raise ValueError("replayed from elsewhere")
    return seal


def rows_of(unit: Path, seal: dict[str, list[str]]) -> Iterator[tuple[bytes, ...]]:
    """6: the parts of a manifest, in order."""
    for line in seal.get("manifest", []):
        name, rows, size = line.split(" ")
        stored = (unit / name).read_bytes()
        if hashlib.sha256(stored).hexdigest() != Path(name).name.removesuffix(".tsv.gz") or len(stored) != int(size):
            raise ValueError(f"damaged: {name}")
        part = gzip.decompress(stored).split(b"\n")
        assert part.pop() == b"" and len(part) == int(rows)
        yield from (tuple(row.split(b"\t")) for row in part)


def refusal(row: tuple[bytes, ...], path: bytes, before: list[bytes], folders: set[bytes]) -> bool:
    """6: what a reader refuses."""
    components = path.split(b"/")
    known = row[6] == b"-" or PACK.fullmatch(row[6].decode()) or SEGMENT.fullmatch(row[6].decode())
    above = b"/".join(components[:-1])
    return (
        row[0] not in (b"file", b"directory", b"link") or b"" in row or not known or b"\0" in path
        or any(component in (b"", b".", b"..") for component in components)
        or components <= before or (above != b"" and above not in folders)
    )


def piece(unit: Path, row: tuple[bytes, ...], size: int) -> bytes:
    """4, 5: one stored piece."""
    with (unit / row[6].decode()).open("rb") as file:
        file.seek(int(row[7]))
        stored = file.read(int(row[8]))
    if row[6].startswith(b"packs/"):
        plain = zstandard.ZstdDecompressor(max_window_size=16 << 20).decompress(stored)
        stored = plain[512 : 512 + int(plain[124:135], 8)]
    if len(stored) != size:
        raise ValueError("not of the size it should have")
    return stored


def restore(path: Path, target: Path, signers: Path, segment: int = 8 << 20) -> Restored:
    """13: everything a seal stands for, into an empty folder."""
    unit = path.parents[2] if path.parent.parent.name == "snapshots" else path.parent
    restored, before, folders, root = Restored(), [b""], set[bytes](), os.fsencode(target)
    times = []
    for written, group in groupby(rows_of(unit, read_seal(path, signers)), lambda row: row[9]):
        rows, relative = list(group), unescaped(written)
        row, place = rows[0], os.path.join(root, relative)
        if len(row) != 11 or any(refusal(each, relative, before, folders) for each in rows):
            restored.refused.append(relative)
            continue
        before = relative.split(b"/")
        if row[0] == b"directory":
            folders.add(relative)
            os.mkdir(place)
        elif row[0] == b"link":
            os.symlink(unescaped(row[10]), place)
        else:
            left, content = int(row[2]), hashlib.sha256()
            try:
                with open(place, "xb") as file:
                    for each in rows if row[6] != b"-" else []:
                        one = piece(unit, each, min(left, segment))
                        left -= len(one)
                        content.update(one)
                        file.write(one)
                if left or content.hexdigest().encode() != row[1]:
                    raise ValueError("not what it was")
            except (OSError, ValueError, zstandard.ZstdError):
                os.unlink(place)
                restored.lost.append(relative)
                continue
        seconds, nanoseconds = row[3].lstrip(b"-").split(b".")
        times.append((place, (int(seconds) * 10**9 + int(nanoseconds)) * (-1 if row[3].startswith(b"-") else 1)))
    for place, mtime in reversed(times):
        os.utime(place, ns=(mtime, mtime), follow_symlinks=False)
    return restored


@pytest.fixture
def vault(checkout: Path, tmp_path: Path) -> Path:
    """The golden vault, whole: a segment of zero bytes is not checked in."""
    shutil.copytree(checkout / "tests/golden-vault/vault", tmp_path / "vault")
    zeros = bytes(8 << 20)
    digest = hashlib.sha256(zeros).hexdigest()
    (tmp_path / f"vault/schools/shiken_es/segments/{digest[:2]}").mkdir()
    (tmp_path / f"vault/schools/shiken_es/segments/{digest[:2]}/{digest}").write_bytes(zeros)
    return tmp_path / "vault"


@pytest.fixture
def signers(checkout: Path, tmp_path: Path) -> Path:
    """The keys as section 11 joins them."""
    file = tmp_path / "allowed_signers"
    file.write_bytes(b"".join(key.read_bytes() for key in sorted((checkout / "tests/golden-vault/keys").iterdir())))
    return file


def as_it_lies(folder: Path) -> dict[str, dict[str, object]]:
    """What expected.json says, read from a folder."""
    root, found = os.fsencode(folder), dict[str, dict[str, object]]()
    for parent, folders, names in os.walk(root):
        for name in folders + names:
            place = os.path.join(parent, name)
            facts: dict[str, object] = {"kind": "directory"}
            if os.path.islink(place):
                facts = {"kind": "link", "link": quote(os.readlink(place))}
            elif os.path.isfile(place):
                content = Path(os.fsdecode(place)).read_bytes()
                whole, rest = divmod(abs(mtime := os.lstat(place).st_mtime_ns), 10**9)
                facts = {"kind": "file", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                facts["mtime"] = f"{'-' if mtime < 0 else ''}{whole}.{rest:09}"
            found[quote(os.path.relpath(place, root))] = facts
    return found


def test_every_snapshot_comes_back_as_it_was(vault: Path, signers: Path, checkout: Path, tmp_path: Path) -> None:
    expected = json.loads((checkout / "tests/golden-vault/expected.json").read_text("utf-8"))
    for seal in sorted(vault.glob("schools/*/snapshots/*/*.seal")):
        (target := tmp_path / seal.stem).mkdir()
        restored, entries = restore(seal, target, signers), expected.pop(seal.stem)
        if seal.stem.endswith("-000001"):  # one of its segments was damaged on purpose
            assert restored.lost == ["令和7年度/メール.pst".encode()]
            del entries[quote(restored.lost[0])]
        assert as_it_lies(target) == entries
        assert not restored.refused and (restored.lost == []) == (not seal.stem.endswith("-000001"))
    assert not expected
    [board] = vault.glob("board/*.seal")
    (target := tmp_path / "board").mkdir()
    assert restore(board, target, signers) == Restored()
    assert any(facts["kind"] == "file" for facts in as_it_lies(target).values())


def test_words_and_notes_are_signed_as_the_format_says(vault: Path, signers: Path) -> None:
    [accepted], [damaged] = vault.glob("schools/*/snapshots/*/*.accepted"), vault.glob("schools/*/damaged/*")
    word = read_signed(accepted, "accept", signers, ("board",))
    seal = accepted.with_suffix(".seal")
    assert word["as"] == ["good"] and read_seal(seal, signers)["state"] == ["suspect"]
    assert word["seal"] == [f"{seal.stem} {hashlib.sha256(seal.read_bytes()).hexdigest()}"]
    note = read_signed(damaged, "damage", signers, ("board",))
    assert Path(note["object"][0]).name == damaged.name and note["found"] == ["damaged"]


def test_chain_and_reference_lists_are_what_the_seals_say(vault: Path, signers: Path) -> None:
    previous = "-"
    for path in sorted(vault.glob("schools/*/snapshots/*/*.seal")):
        seal, unit = read_seal(path, signers), path.parents[2]
        assert seal["previous"] == [previous]
        previous = f"{path.stem} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        references = path.with_suffix(".refs.gz").read_bytes()
        assert seal["references"] == [hashlib.sha256(references).hexdigest()]
        rows = list(rows_of(unit, seal))
        needed = {row[6] for row in rows} - {b"-"} | {line.split(" ")[0].encode() for line in seal.get("manifest", [])}
        assert gzip.decompress(references).split(b"\n")[:-1] == sorted(needed)
        files = {row[9]: int(row[2]) for row in rows if row[0] == b"file"}
        counted = [str(len({row[9] for row in rows})), str(len(files)), str(sum(files.values()))]
        assert [seal[key][0] for key in ("entries", "files", "bytes")] == counted


def test_a_seal_counts_only_where_it_lies_and_as_it_was_signed(vault: Path, signers: Path) -> None:
    first = sorted(vault.glob("schools/*/snapshots/*/*.seal"))[0]
    elsewhere = first.parent.parent / "another-share" / first.name
    elsewhere.parent.mkdir()
    shutil.copy(first, elsewhere)
    with pytest.raises(ValueError, match="replayed"):
        read_seal(elsewhere, signers)
    first.write_bytes(first.read_bytes().replace(b"state: complete", b"state: partial"))
    with pytest.raises(ValueError, match="not signed"):
        read_seal(first, signers)
