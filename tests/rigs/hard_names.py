"""Entries with every kind of name an assessment must judge, and a way to judge entries without a catalog."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdx.inventory.assess.decisions import Decided
from kdx.inventory.assess.finding import Finding
from kdx.inventory.assess.judge import Terms, judge
from kdx.inventory.assess.personal import PersonalNames
from kdx.inventory.assess.profile import load_tables
from kdx.inventory.assess.rights import narrowed_folders
from kdx.remotes.interface import Entry, Kind

TABLES = load_tables(Path("no such inventory"))
PROFILES = tuple(TABLES.profiles)
PLACE = "pre/es/共有/"
ODD = os.fsdecode("資料.doc".encode("cp932"))


def file(path: str, **more: object) -> Entry:
    return Entry(path, Kind.FILE, 3, 5)._replace(**more)


def folder(path: str) -> Entry:
    return Entry(path, Kind.DIRECTORY)


def link(path: str, to: str) -> Entry:
    return Entry(path, Kind.LINK, link=to, skip="symlink")


def by_folder(entries: Iterable[Entry]) -> list[Entry]:
    """Sort as a catalog is read for an assessment."""
    return sorted(entries, key=lambda entry: (os.fsencode(entry.path.rpartition("/")[0]), os.fsencode(entry.path)))


def findings(
    entries: Iterable[Entry],
    profile: str,
    decided: Mapping[str, Decided] | None = None,
    place: str = PLACE,
    rights: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Judge entries as they come; `rights` are the texts that a catalog keeps."""
    entries = by_folder(entries)
    narrowed = narrowed_folders(entries, rights or {})
    terms = Terms(TABLES.profiles[profile], place, PersonalNames(TABLES.vocabulary), decided or {}, {}, narrowed)
    return list(judge(entries, terms))


HARD_SHARE = (
    folder("令和6年度"), folder("令和6年度/保健"), file("令和6年度/保健/名簿.xlsx"), file("令和6年度/時間割.xlsx"),
    file("何?.txt"), file("比率3:1.txt"), file("何？.txt"), file(" 先頭.txt"), file("末尾 "), file("末尾."),
    file("CON"), file("aux.txt"), file("Case.txt"), file("case.txt"), file("が.txt"), file("か\u3099.txt"),
    file("神\ufa19.txt"), file("外字\ue001.txt"), file("葛\U000e0100城.txt"), file("葛城.txt"), file("成績.xlsx"),
    file("~$成績.xlsx", skip="ignored"), file("ABCDEF~1.TXT"), file("①.txt"), file("new\nline.txt"),
    folder("Forms"), file("Forms/a.txt"), folder("a_vti_b"), folder("~tmp"), file("a\\b.txt"), file("ＡＢＣ.txt"),
    file("ABC.txt"), file("あ" * 86 + ".txt"), file("写真.mp4", size=6 << 40), file(ODD), link("loop", "."),
    link("link", "/etc"), file("locked.xls", skip="locked"), file("quo\"te#.jtd"),
)
