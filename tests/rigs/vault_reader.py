"""Read a vault as FORMAT.md says, without kdx: gzip, hashlib, tarfile, zstandard. The oracle of the tests."""

import gzip
import hashlib
import io
import os
import re
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

ESCAPED = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"r": b"\r"}


@dataclass
class Read:
    """What one snapshot holds: path bytes -> content digest, link target or None for a folder."""

    files: dict[bytes, str] = field(default_factory=dict)
    times: dict[bytes, str] = field(default_factory=dict)
    links: dict[bytes, bytes] = field(default_factory=dict)
    folders: set[bytes] = field(default_factory=set)
    broken: set[bytes] = field(default_factory=set)
    """Files whose content does not come out as their rows say."""
    objects: set[str] = field(default_factory=set)


def seals(vault: Path, school: str) -> list[Path]:
    """Return the seals of all shares of a school, oldest first."""
    found = (vault / "schools" / school / "snapshots").rglob("*.seal")
    return sorted(found, key=lambda path: (path.parent.name, path.name.split("-")[1], path.name))


def values(seal: Path, key: str) -> list[str]:
    """Return the values of a key of a seal."""
    text = seal.read_text("utf-8").partition("-----BEGIN")[0]
    return [line.partition(": ")[2] for line in text.split("\n") if line.startswith(f"{key}: ")]


def read_snapshot(seal: Path) -> Read:
    """Read everything a seal stands for, and check every order and digest that FORMAT.md promises."""
    unit = seal.parents[2] if seal.parent.parent.name == "snapshots" else seal.parent
    manifest = b""
    read = Read()
    for line in values(seal, "manifest"):
        name, rows, size = line.split(" ")
        stored = (unit / name).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == Path(name).name.split(".")[0]
        assert len(stored) == int(size)
        text = gzip.decompress(stored)
        assert text.count(b"\n") == int(rows)
        manifest += text
        read.objects.add(name)
    pieces: dict[bytes, list[tuple[bytes, ...]]] = {}
    keys: list[bytes] = []
    for row in manifest.split(b"\n")[:-1]:
        fields = tuple(row.split(b"\t"))
        assert len(fields) == 11 and all(fields), row
        path = _unescaped(fields[9])
        if not keys or keys[-1] != path.replace(b"/", b"\0"):
            keys.append(path.replace(b"/", b"\0"))
        read.times[path] = fields[3].decode()
        if fields[0] == b"directory":
            read.folders.add(path)
        elif fields[0] == b"link":
            read.links[path] = _unescaped(fields[10])
        else:
            pieces.setdefault(path, []).append(fields)
            if fields[6] != b"-":
                read.objects.add(fields[6].decode())
    assert keys == sorted(set(keys))
    for path, rows_of_file in pieces.items():
        digest, size = _content_digest(unit, rows_of_file)
        read.files[path] = digest
        if digest != rows_of_file[0][1].decode() or size != int(rows_of_file[0][2]):
            read.broken.add(path)
    listed = gzip.decompress(seal.with_suffix(".refs.gz").read_bytes())
    assert hashlib.sha256(seal.with_suffix(".refs.gz").read_bytes()).hexdigest() == values(seal, "references")[0]
    names = listed.decode("ascii").split("\n")[:-1]
    assert names == sorted(set(names))
    assert set(names) == read.objects | set(values(seal, "unreadlist"))
    return read


def check_pack(pack: Path) -> int:
    """Unpack a pack with zstandard and tarfile, check it against its own SHA256SUMS; return its members."""
    assert hashlib.sha256(pack.read_bytes()).hexdigest() == pack.name.split(".")[0]
    plain = zstandard.ZstdDecompressor().stream_reader(pack.read_bytes(), read_across_frames=True).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    *members, last = contents
    assert last == "SHA256SUMS"
    assert contents[last].decode() == "".join(f"{name}  {name}\n" for name in members)
    for name in members:
        assert hashlib.sha256(contents[name]).hexdigest() == name
    return len(members)


def _content_digest(unit: Path, rows: list[tuple[bytes, ...]]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for fields in rows:
        if fields[6] == b"-":
            continue
        path = unit / fields[6].decode("ascii")
        if not path.exists():
            continue
        with path.open("rb") as file:
            file.seek(int(fields[7]))
            raw = file.read(int(fields[8]))
        if fields[6].startswith(b"packs/"):
            raw = _member(raw)
        digest.update(raw)
        size += len(raw)
    return digest.hexdigest(), size


def _member(frame: bytes) -> bytes:
    try:
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(frame)
        return plain[512 : 512 + int(plain[124:135], 8)]
    except (zstandard.ZstdError, ValueError):
        return b""


def _unescaped(field: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda found: ESCAPED[found[1]], field)


def tree_of(folder: Path) -> Read:
    """Read a folder as it lies, in the same form."""
    read, root = Read(), os.fsencode(folder)
    for parent, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = os.path.join(parent, name)
            relative = os.path.relpath(path, root)
            if os.path.islink(path):
                read.links[relative] = os.readlink(path)
            elif os.path.isdir(path):
                read.folders.add(relative)
            else:
                with open(path, "rb") as file:
                    read.files[relative] = hashlib.file_digest(file, "sha256").hexdigest()
    return read
