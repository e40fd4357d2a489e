"""Make shares of one's own making: the demo's few hundred hard names, and the large folders the bench measures.

Deterministic: the same call makes the same names, bytes and times. Holds no person's name and no real document. Never
writes outside the folder it is given.
"""

import hashlib
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
YEARS = ("平成30年度", "令和元年度", "令和５年度", "R6", "令和7年度")
DUTIES = (
    "01_教務", "02_生徒指導", "03_保健・給食", "04_研修", "05_特別支援",
    "06_情報", "07_事務", "08_行事", "09_PTA", "写真",
)
DOCUMENTS = (
    "職員会議資料.docx", "年間指導計画.xlsx", "学級だより.jtd", "校務分掌表.pdf", "時間割.xlsm",
    "運動会計画.pptx", "備品台帳.mdb", "避難訓練.xdw",
)
IGNORED_NAMES = ("Thumbs.db", "~$年間指導計画.xlsx", "desktop.ini", ".DS_Store")
"""Names that the default ignore patterns leave out: one of each stands in the sample share."""

HARD_FILES = (
    "$(touch x).txt",
    "`touch y`.txt",
    "; touch z #.txt",
    "引用\"二重\".txt",
    "引用'一重'.txt",
    "改行\nのある名前.txt",
    "タブ\tのある名前.txt",
    "\x1b[31m赤くなる名前\x1b[0m.txt",
    "[最終].xlsx",
    "何？：＊.txt",
    "比率3：1～5.txt",
    "*.docx",
    "100%.txt",
    "a%2Fb.txt",
    "percent %E6%97%A5.txt",
    "plus + and & = #?.txt",
    "back\\slash.txt",
    " leading space.txt",
    "trailing space ",
    "trailing dot.",
    "-n",
    "--help",
    "@-",
    "CON",
    "aux.txt",
    "Case Twin.txt",
    "case twin.txt",
    "が.txt",
    "か\u3099.txt",
    "神\ufa19.txt",
    "𠮷.txt",
    "葛\U000e0100城.txt",
    "\ue000外字.txt",
    "\u200bzero width.txt",
    "\u202eright-to-left.txt",
    "長" * 83 + "ab.txt",
    "=1+1.csv",
    "空のファイル.txt",
)
"""Names that have broken real tools; every one is a legal name on a Linux disk. All valid UTF-8."""

CP932_NAME = "旧サーバの名前.txt".encode("cp932")
EMPTY_FOLDERS = ("空のフォルダ", "空のフォルダ/その中も空")
LINKS = (
    ("リンク_ファイル.txt", "01_教務/リンク先.txt"),
    ("リンク_フォルダ", "01_教務"),
    ("リンク_切れ", "もう無いファイル.txt"),
    ("リンク_自分", "."),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to make: path relative to the share, size in bytes, mtime in seconds."""

    path: str
    size: int
    mtime: int


class Bytes:
    """Deterministic content. Every file begins with its own number, so no two are equal unless meant to be."""

    def __init__(self, seed: int) -> None:
        generator = random.Random(seed)
        self._noise = generator.randbytes(4 * MIB)
        self._generator = generator

    def chunks(self, number: int, size: int) -> Iterator[bytes]:
        """Yield `size` bytes for the file `number`, incompressible like photos and zipped Office files."""
        head = hashlib.sha256(number.to_bytes(8, "big")).digest()[: min(size, 32)]
        yield head
        left = size - len(head)
        while left:
            start = self._generator.randrange(2 * MIB)
            piece = self._noise[start : start + min(left, 2 * MIB)]
            yield piece
            left -= len(piece)


def write_samples(folder: Path, samples: Iterator[Sample], seed: int) -> int:
    """Write the files of `samples` below `folder` and return how many."""
    content, count, made = Bytes(seed), 0, set[Path]()
    for count, sample in enumerate(samples, 1):
        path = folder / sample.path
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        with path.open("wb") as file:
            file.writelines(content.chunks(count, sample.size))
        os.utime(path, (sample.mtime, sample.mtime))
    return count


def school_shaped(count: int, mean: int = 100_000, seed: int = 8) -> Iterator[Sample]:
    """Yield `count` files in the shape of a school share: mostly documents, most bytes photos, a few films.

    The mix follows reference figures for school servers (photos and films 70-90 % of bytes); `mean` is bytes a file.
    """
    generator = random.Random(seed)
    scale = mean / 100_000
    for number in range(count):
        year, duty = generator.choice(YEARS), generator.choice(DUTIES)
        draw = generator.random()
        if number % 2500 == 1249:
            name, size = f"運動会_{number:06}.mp4", 22 * MIB
        elif draw < 0.15:
            name, size = f"メモ_{number:06}.txt", generator.randrange(0, 4000)
        elif draw < 0.62:
            name, size = f"{number:06}_{generator.choice(DOCUMENTS)}", int(generator.lognormvariate(10.2, 0.8))
        else:
            name, size = f"IMG_{number:06}.jpg", int(generator.lognormvariate(12.2, 0.45))
        yield Sample(f"{year}/{duty}/{number % 7}組/{name}", int(size * scale), _mtime(generator))


def tiny(count: int, seed: int = 60) -> Iterator[Sample]:
    """Yield `count` files of up to 2 kB, 200 to a folder."""
    generator = random.Random(seed)
    for number in range(count):
        path = f"{YEARS[number % 5]}/{number // 200:05}/メモ_{number:07}.txt"
        yield Sample(path, generator.randrange(1, 2048), _mtime(generator))


def entries(count: int, seed: int = 1) -> Iterator[Sample]:
    """Yield `count` files of 8 bytes, 1,000 to a folder: the price of an entry, not of its content."""
    generator = random.Random(seed)
    for number in range(count):
        yield Sample(f"{number // 100_000:02}/{number // 1000:04}/連絡帳_{number:07}.txt", 8, _mtime(generator))


def make_sample_share(folder: Path) -> int:
    """Fill `folder` with the demo's share of some 500 entries, hard names among them; return the number of files."""
    root = os.fsencode(folder)
    count = write_samples(folder, _ordinary(), seed=14)
    content = Bytes(15)
    hard = [os.fsencode(f"令和7年度/06_情報/難しい名前/{name}") for name in HARD_FILES]
    hard.append(os.fsencode("平成30年度/07_事務/") + CP932_NAME)
    hard += [os.fsencode(f"R6/01_教務/{name}") for name in IGNORED_NAMES]
    for number, path in enumerate(hard, count + 1):
        size = 0 if "空の".encode() in path else 100 + number
        _write_raw(os.path.join(root, path), content.chunks(number, size), 1_750_000_000 + number)
    for name in ("写真/集合写真.jpg", "R6/写真/コピー ～ 集合写真.jpg"):
        _write_raw(os.path.join(root, os.fsencode(name)), Bytes(16).chunks(0, 200_000), 1_700_000_000)
    _write_raw(os.path.join(root, "写真/運動会.mp4".encode()), content.chunks(99, 20 * MIB), 1_700_000_001)
    for name in EMPTY_FOLDERS:
        (folder / name).mkdir()
    for name, link in LINKS:
        (folder / name).symlink_to(link)
    return count + len(hard) + 3


def _ordinary() -> Iterator[Sample]:
    generator = random.Random(13)
    for number in range(9 * len(YEARS) * len(DUTIES)):
        year, duty = YEARS[number % len(YEARS)], DUTIES[number // len(YEARS) % len(DUTIES)]
        photo = duty == "写真"
        name = f"IMG_{number:04}.jpg" if photo else f"{number:04}_{DOCUMENTS[number % len(DOCUMENTS)]}"
        size = generator.randrange(30_000, 90_000) if photo else generator.randrange(500, 20_000)
        yield Sample(f"{year}/{duty}/{name}", size, _mtime(generator))


def _write_raw(path: bytes, chunks: Iterator[bytes], mtime: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.writelines(chunks)
    os.utime(path, (mtime, mtime))


def _mtime(generator: random.Random) -> int:
    """Return a time between April 2018 and October 2025, in seconds."""
    return generator.randrange(1_522_500_000, 1_760_000_000)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sample_share.py FOLDER    makes the demo's share in FOLDER")
    print(make_sample_share(Path(sys.argv[1])), "files")
