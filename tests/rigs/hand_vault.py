"""A vault written by hand from kdx/backup/FORMAT.md, without kdx: the witness for whoever reads vaults.

Frames hold raw blocks, which needs no zstd; seals are signed by ssh-keygen. Nothing here is quick or careful: it writes
one snapshot of one folder at a time, whole, and lets a test change any row before it is sealed.
"""

import gzip
import hashlib
import json
import os
import stat
import struct
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SEGMENT = 8 << 20
PACK = 4 << 20
"""Small packs, so that a small share has several."""
ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"))
Rows = list[list[bytes]]


def escape(raw: bytes) -> bytes:
    for plain, escaped in ESCAPES:
        raw = raw.replace(plain, escaped)
    return raw


def frame(content: bytes) -> bytes:
    """One zstd frame of raw blocks (RFC 8878): magic, single segment with a size of four bytes, blocks."""
    blocks = [content[start : start + (1 << 17)] for start in range(0, len(content), 1 << 17)]
    sizes = [len(block) << 3 for block in blocks]
    headers = [size.to_bytes(3, "little") for size in (*sizes[:-1], sizes[-1] | 1)]
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(content)) + b"".join(
        header + block for header, block in zip(headers, blocks, strict=True)
    )


def member(name: str, content: bytes, **header: object) -> bytes:
    """A tar member as it stands in a pack. `header` makes it a hostile one."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in header.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


@dataclass
class HandVault:
    """A vault in the folder `root`, of one school with one share."""

    root: Path
    key: Path
    """A private key in OpenSSH's form that signs the seals."""
    school: str = "shiken_es"
    share: str = "fs-shiken-1"
    vault: str = "5f" * 16
    sequence: int = 0
    previous: str = "-"
    frames: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """SHA-256 of a member -> (pack, offset, length)."""

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        about = {
            "format": 1, "vault": self.vault, "board": "試験市教育委員会", "created": "20261101T130000Z",
            "pack_bytes": 64 << 20, "segment_bytes": SEGMENT, "encryption": None,
        }
        (self.root / "kdx-vault.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")

    @property
    def unit(self) -> Path:
        return self.root / "schools" / self.school

    def store(self, kind: str, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        name = f"{kind}/{digest[:2]}/{digest}" + {"packs": ".tar.zst", "segments": "", "manifests": ".tsv.gz"}[kind]
        (self.unit / name).parent.mkdir(parents=True, exist_ok=True)
        (self.unit / name).write_bytes(content)
        return name

    def pack(self, contents: list[bytes], members: list[bytes] | None = None) -> str:
        """Store a pack of these contents; `members` stand in it instead of the honest ones."""
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        frames = [frame(one) for one in members or map(member, digests, contents)]
        sums = "".join(f"{digest}  {digest}\n" for digest in digests).encode()
        name = self.store("packs", b"".join(frames) + frame(member("SHA256SUMS", sums) + bytes(1024)))
        offset = 0
        for digest, one in zip(digests, frames, strict=True):
            self.frames[digest] = (name, offset, len(one))
            offset += len(one)
        return name

    def rows(self, source: Path) -> Rows:
        """Store the content of a folder and return its rows, in order."""
        entries = list(walk(os.fsencode(source)))
        waiting: dict[str, bytes] = {}
        for _path, full, facts in entries:
            if stat.S_ISREG(facts.st_mode) and 0 < facts.st_size < SEGMENT:
                content = Path(os.fsdecode(full)).read_bytes()
                if (digest := hashlib.sha256(content).hexdigest()) not in self.frames:
                    waiting[digest] = content
                if sum(map(len, waiting.values())) > PACK:
                    self.pack(list(waiting.values()))
                    waiting.clear()
        if waiting:
            self.pack(list(waiting.values()))
        return [row for path, full, facts in entries for row in self.rows_of(path, full, facts)]

    def rows_of(self, path: bytes, full: bytes, facts: os.stat_result) -> Rows:
        seconds, rest = divmod(abs(facts.st_mtime_ns), 10**9)
        mtime = b"%s%d.%09d" % (b"-" if facts.st_mtime_ns < 0 else b"", seconds, rest)
        rights = b"posix:::%04o" % stat.S_IMODE(facts.st_mode)
        if stat.S_ISDIR(facts.st_mode):
            return [[b"directory", b"-", b"-", mtime, rights, b"-", b"-", b"-", b"-", escape(path), b"-"]]
        if stat.S_ISLNK(facts.st_mode):
            return [[b"link", b"-", b"-", mtime, b"-", b"-", b"-", b"-", b"-", escape(path), escape(os.readlink(full))]]
        with open(full, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            if facts.st_size == 0:
                pieces = [("-", b"-", b"-")]
            elif facts.st_size < SEGMENT:
                place, offset, length = self.frames[digest]
                pieces = [(place, b"%d" % offset, b"%d" % length)]
            else:
                segments = iter(lambda: file.read(SEGMENT), b"")
                pieces = [(self.store("segments", one), b"0", b"%d" % len(one)) for one in segments]
        same = [b"file", digest.encode(), b"%d" % facts.st_size, mtime, rights, b"-"]
        return [[*same, place.encode(), offset, length, escape(path), b"-"] for place, offset, length in pieces]

    def seal(
        self, rows: Rows, started: str = "20261123T130000Z", *, state: str = "complete", cut: int = 8192,
        change: Callable[[str], str] = lambda text: text, unread: bytes = b"", **keys: object,
    ) -> Path:
        """Seal a snapshot of these rows, in parts of `cut` rows. `change` is handed the text before it is signed."""
        self.sequence += 1
        name = f"{started}-{self.sequence:06d}"
        lines = [b"\t".join(row) + b"\n" for row in rows]
        parts = []
        for start in range(0, len(lines), cut):
            zipped = gzip.compress(b"".join(lines[start : start + cut]), mtime=0)
            parts.append(f"{self.store('manifests', zipped)} {len(lines[start : start + cut])} {len(zipped)}")
        unread_list = self.store("manifests", gzip.compress(unread, mtime=0)) if unread else ""
        needed = {row[6].decode() for row in rows} | {part.split(" ")[0] for part in parts} | {unread_list}
        references = gzip.compress("".join(f"{name}\n" for name in sorted(needed - {"-", ""})).encode(), mtime=0)
        files = {bytes(row[9]): int(row[2]) for row in rows if row[0] == b"file" and row[2].isdigit()}
        facts: dict[str, object] = {
            "vault": self.vault, "school": self.school, "share": self.share, "name": "共有", "sequence": self.sequence,
            "previous": self.previous, "started": started, "sealed": started, "state": state, "waiting": 0,
            "entries": len({bytes(row[9]) for row in rows}), "files": len(files), "bytes": sum(files.values()),
            "new": len(files), "changed": 0, "gone": 0, "compared": "-", "unread": unread.count(b"\n"), "ignored": 0,
            "stored": "0 0", "reread": "-", "references": hashlib.sha256(references).hexdigest(), **keys,
        }
        text = "kdx seal 1\n" + "".join(f"{key}: {value}\n" for key, value in facts.items())
        text += f"unreadlist: {unread_list}\n" if unread_list else ""
        text += "".join(f"manifest: {part}\n" for part in parts)
        folder = self.unit / "snapshots" / self.share
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.refs.gz").write_bytes(references)
        path = folder / f"{name}.seal"
        path.write_bytes(self.signed(change(text).encode("utf-8"), "kdx-seal"))
        self.previous = f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        return path

    def signed(self, text: bytes, namespace: str) -> bytes:
        """Return a text with its signature, made by OpenSSH."""
        words = ["ssh-keygen", "-q", "-Y", "sign", "-f", os.fspath(self.key), "-n", namespace]
        return text + subprocess.run(words, input=text, capture_output=True, check=True).stdout


def walk(root: bytes) -> Iterator[tuple[bytes, bytes, os.stat_result]]:
    """Every entry of a folder in the order of a manifest: (path, full path, facts)."""
    found = []
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            full = os.path.join(folder, name)
            found.append((os.path.relpath(full, root), full, os.lstat(full)))
    return iter(sorted(found, key=lambda one: one[0].split(b"/")))


def open_hand_vault(root: Path, **settings: str) -> HandVault:
    """A vault with a key of its own beside it."""
    key = root.with_name(f"{root.name}-key")
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", os.fspath(key)], check=True)
    return HandVault(root, key, **settings)
