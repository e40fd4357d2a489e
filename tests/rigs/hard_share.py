"""A share that is hard to bring back, and a reader of folders that keeps everything a restore must keep."""

import os
import stat
from pathlib import Path

NAMES = (
    "令和6年度/01_教務/時間割.xlsx", "$(touch x)", "quo\"te's", "new\nline", "cr\r", "tab\t", "[最終].xlsx", "何？：＊.txt",
    "か\u3099.txt", "が.txt", "trailing ", " leading", "-rf", "a%20b", "back\\slash", "\\n", "あ" * 85, "Aa", "aA",
    "esc\x1b[31m", ".hidden", "~", "-",
)
Kept = dict[bytes, tuple[object, ...]]


def build_hard_share(share: Path, seed: int = 0) -> Path:
    """Make the share: hard names, every byte a name may have, links, empty folders, holes, old times, odd rights."""
    share.mkdir(parents=True, exist_ok=True)
    root = os.fsencode(share)
    for number, name in enumerate(NAMES):
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{seed} {number} ".encode() * (number * 40))
        os.utime(path, ns=(0, 1_700_000_000_123_456_789 + number))
    every = bytes(set(range(1, 256)) - {ord("/")})
    for start in range(0, 254, 60):
        name = root + b"/bytes " + every[start : start + 60]
        Path(os.fsdecode(name)).write_bytes(b"%d" % start)
        os.utime(name, ns=(0, -1_500_000_000 + start))
    Path(os.fsdecode(root + b"/" + "資料.txt".encode("cp932"))).write_bytes(b"x" * 511)
    (share / "empty file").touch()
    (share / "empty folder" / "deep").mkdir(parents=True)
    (share / "large.mp4").write_bytes(os.urandom((16 << 20) + 5))
    (share / "exactly a segment").write_bytes(os.urandom(8 << 20))
    with (share / "sparse.pst").open("wb") as file:
        file.seek(30 << 20)
        file.write(b"in the middle")
        file.truncate(41 << 20)
    os.link(share / "Aa", share / "the same file")
    (share / "copy").write_bytes((share / "a%20b").read_bytes())
    (share / "link out").symlink_to("../else\nwhere")
    (share / "link to nothing").symlink_to("/nowhere/at all")
    os.utime(share / "link out", ns=(0, 5_000_000_007), follow_symlinks=False)
    (share / "Aa").chmod(0o604)
    (share / "empty folder").chmod(0o2750)
    for folder, stamp in (("empty folder/deep", 987_654_321_000_000_001), ("empty folder", 123_456_789_000_000_001)):
        os.utime(share / folder, ns=(0, stamp))
    return share


def kept(root: Path) -> Kept:
    """Everything below a folder as a restore must bring it back, read without kdx."""
    found: Kept = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            full = os.path.join(folder, name)
            facts = os.lstat(full)
            path = os.path.relpath(full, os.fsencode(root))
            if stat.S_ISLNK(facts.st_mode):
                found[path] = ("link", facts.st_mtime_ns, os.readlink(full))
            elif stat.S_ISDIR(facts.st_mode):
                found[path] = ("folder", facts.st_mtime_ns, oct(stat.S_IMODE(facts.st_mode)))
            else:
                with open(full, "rb") as file:
                    found[path] = ("file", facts.st_mtime_ns, oct(stat.S_IMODE(facts.st_mode)), file.read())
    return found
