"""Every pre-flight rule as a table, one line a case: what it meets and what it leaves alone."""

import hashlib
import os
import unicodedata
from dataclasses import replace

import pytest
from rigs.hard_names import ODD, PROFILES, TABLES, file, findings, folder, link

from kdx.inventory.assess.amounts import Amounts
from kdx.inventory.assess.characters import decode_ascii, encode_ascii, is_unstable, is_vendor_kanji
from kdx.inventory.assess.decisions import Decided
from kdx.inventory.assess.finding import Severity
from kdx.inventory.assess.judge import Terms, judge
from kdx.inventory.assess.personal import PersonalNames
from kdx.inventory.assess.rights import RIGHTS, narrowed_folders
from kdx.inventory.assess.rules import RULES
from kdx.inventory.assess.twins import by_case, by_looks, by_reader

DIGITS = hashlib.sha256(("あ" * 86).encode()).hexdigest()[:6]
DEEP = "/".join("d" for _ in range(101))


@pytest.mark.parametrize(
    ("entry", "profile", "rule", "proposal"),
    [
        (file("何?.txt"), "sharepoint", "forbidden-character", "何？.txt"),
        (file('a"b<c>|*:.txt'), "windows", "forbidden-character", "a”b＜c＞｜＊：.txt"),
        (file("a\\b"), "azure-blob", "forbidden-character", "a￥b"),
        (file("外\ue000"), "azure-blob", "forbidden-character", "外〓"),
        (file("a\nb"), "sharepoint", "forbidden-character", "a_b"),
        (file("時間割.txt"), "s3-ascii", "not-ascii", "!E6!99!82!E9!96!93!E5!89!B2.txt"),
        (file("a b.txt"), "s3-ascii", "not-ascii", "a!20b.txt"),
        (file(" a"), "sharepoint", "edge", "a"),
        (file("a "), "sharepoint", "edge", "a"),
        (file("a."), "windows", "edge", "a"),
        (file(" . "), "sharepoint", "edge", "_"),
        (file("a."), "azure-blob", "edge", "a"),
        (file("CON"), "sharepoint", "reserved-name", "CON_"),
        (file("lpt9.tar.gz"), "windows", "reserved-name", "lpt9_.tar.gz"),
        (file(".lock"), "sharepoint", "reserved-name", "_.lock"),
        (file("Desktop.ini"), "sharepoint", "reserved-name", "Desktop_.ini"),
        (file("~$a.docx"), "sharepoint", "reserved-name", "～$a.docx"),
        (folder("~a"), "sharepoint", "reserved-name", "～a"),
        (folder("x_VTI_y"), "sharepoint", "reserved-name", "xvtiy"),
        (folder("forms"), "sharepoint", "reserved-name", "forms_"),
        (file("あ" * 86), "linux-folder", "name-too-long", "あ" * 82 + "-" + DIGITS),
        (file("𠮷" * 128), "sharepoint", "name-too-long", None),
        (file("あ" * 400), "s3", "path-too-long", None),
        (file("a", size=(250 << 30) + 1), "sharepoint", "too-large", ""),
        (folder(f"{DEEP}"), "google-drive", "too-deep", ""),
        (file("\ue000.txt"), "s3", "private-use", "〓.txt"),
        (file("神\ufa19"), "s3", "unstable-kanji", ""),
        (file("①"), "s3", "vendor-kanji", ""),
        (file("髙橋"), "s3", "vendor-kanji", ""),
        (file("か\u3099"), "s3", "decomposed", "が"),
        (file(ODD), "s3", "not-unicode", ""),
        (file("a#b"), "s3", "avoided-character", ""),
        (file("ABCDEF~1.TXT"), "s3", "short-name", ""),
        (file("A4WTMA~A.TXT"), "s3", "short-name", ""),
        (link("l", "/etc"), "s3", "link", ""),
        (link("a/l", ".."), "s3", "loop", ""),
        (link("a/l", "../a"), "s3", "loop", ""),
        (file("sock", kind="other", skip="special"), "s3", "special", ""),
        (file("a", skip="denied"), "s3", "unread", ""),
        (file("Thumbs.db", skip="ignored"), "s3", "junk", ""),
        (file("3年 成績.xlsx"), "s3", "personal", ""),
        (folder("ｹﾝｺｳ 健康診断"), "s3", "personal", ""),
        (file("a.XLSX"), "sharepoint", "rewritten", ""),
        (file("a.jtd"), "google-drive", "desktop-only", ""),
        (file("a", size=1_500_000_000_001), "google-drive", "daily-quota", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isprintable() and len(value) < 30 else "",
)
def test_a_rule_meets_what_it_is_for(entry, profile, rule, proposal):
    found = {finding.rule.id: finding for finding in findings([entry], profile)}
    assert rule in found
    assert found[rule].detail
    if proposal is not None:
        assert found[rule].proposal == proposal


@pytest.mark.parametrize(
    ("entry", "profile"),
    [
        (file("何？＊：～.txt"), "sharepoint"),
        (file("CONSOLE.txt"), "windows"),
        (file("~a"), "sharepoint"),
        (folder("a/forms"), "sharepoint"),
        (file("a_!-.*'()"), "s3-ascii"),
        (file("あ" * 85), "linux-folder"),
        (file("あ" * 336), "s3"),
        (file("a", size=250 << 30), "sharepoint"),
        (file("が神﨑"), "google-drive"),
        (file("report~1.txt"), "s3"),
        (link("a/l", "../b"), "linux-folder"),
        (file("何?:|.txt"), "google-drive"),
        (file("成 績.xlsx"), "s3"),
        (file("a.XLSX"), "azure-blob"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.path[:20],
)
def test_what_a_target_takes_is_neither_blocked_nor_asked_about(entry, profile):
    found = findings([entry], profile, place="pre/es/share/")
    assert [finding for finding in found if finding.severity != Severity.NOTE] == []


@pytest.mark.parametrize(
    ("names", "profile", "rule"),
    [
        (("A.txt", "a.txt"), "sharepoint", "twin"),
        (("A.txt", "a.txt"), "s3", "near-twin"),
        (("が", "か\u3099"), "windows", "twin"),
        (("神", "\ufa19"), "sharepoint", "twin"),
        (("葛城", "葛\U000e0100城"), "sharepoint", "look-alike-twin"),
        (("葛城", "葛\ufe00城"), "sharepoint", "look-alike-twin"),
        (("葛城", "葛\U000e0100城"), "s3", "near-twin"),
        (("𠮷田", "田"), "sharepoint", "look-alike-twin"),
        (("ＡＢＣ", "abc"), "sharepoint", "near-twin"),
        (("ｶﾞ", "ガ"), "s3", "near-twin"),
        ((ODD, "資料.doc"), "s3", "twin"),
        ((ODD, "資料.doc"), "linux-folder", "near-twin"),
    ],
)
def test_names_that_meet_are_told_once_each_under_the_gravest_rule(names, profile, rule):
    found = [finding for finding in findings(map(file, names), profile) if "twin" in finding.rule.id]
    assert [(finding.rule.id, finding.path) for finding in found] == [
        (rule, name) for name in sorted(names, key=os.fsencode)
    ]


ALL, FEW = "O:BAD:(A;;FA;;;BA)(A;;FA;;;BU)", "O:BAD:(A;;FA;;;BA)"
TEXTS = {"": ALL, "all": ALL, "few": FEW}


@pytest.mark.parametrize(
    ("folders", "narrowed"),
    [
        ({"校長室": "few"}, {"校長室"}),
        ({"校長室": "few", "校長室/人事": "few"}, {"校長室"}),
        ({"教務": "all", "教務/評価": "few"}, {"教務/評価"}),
        ({"校長室": "few", "校長室/配布": "all"}, {"校長室"}),
        ({"教務": "all", "図書": ""}, set()),
        ({"校長室": "unknown"}, set()),
    ],
)
def test_a_folder_that_fewer_may_open_is_for_the_school_to_decide(folders, narrowed):
    entries = [folder(path)._replace(acl=acl) for path, acl in folders.items()]
    found = [one for one in findings([*entries, file("校長室/a.txt")], "s3", rights=TEXTS) if "rights" in one.rule.id]
    assert {one.path for one in found} == narrowed
    assert all(one.severity == Severity.DECIDE and one.detail == "kept out: users of the server" for one in found)


@pytest.mark.parametrize(("answer", "asked"), [("keep", 0), ("skip", 0), (None, 1)])
def test_what_was_decided_about_a_narrow_folder_is_not_asked_again(answer, asked):
    decided = {"校長室": Decided("校長室", answer, "", "", "")} if answer else {}
    found = findings([folder("校長室")._replace(acl="few")], "s3", decided, rights=TEXTS)
    assert [one.rule.id for one in found] == ["narrower-rights"] * asked


def test_a_target_that_keeps_rights_asks_nothing_about_them():
    row = replace(TABLES.profiles["s3"].rows[RIGHTS], rights=True)
    keeping = replace(TABLES.profiles["s3"], rows={**TABLES.profiles["s3"].rows, RIGHTS: row})
    entries = [folder("校長室")._replace(acl="few")]
    words = PersonalNames(TABLES.vocabulary)
    assert list(judge(entries, Terms(keeping, "", words, {}, {}, narrowed_folders(entries, TEXTS)))) == []


def test_the_mode_of_a_share_without_lists_counts_as_well():
    entries = [folder("校長室")._replace(mode=0o40700), folder("図書")._replace(mode=0o40755)]
    found = findings(entries, "s3", rights={"": "user::rwx,group::r-x,other::r-x"})
    assert [(one.path, one.detail) for one in found] == [("校長室", "kept out: everyone, the owning group")]


def test_names_in_different_folders_do_not_meet():
    entries = [folder("x"), folder("y"), file("x/A"), file("y/a"), file("x/b")]
    assert findings(entries, "sharepoint") == []


def test_of_twins_the_one_written_as_windows_writes_keeps_its_name():
    found = {finding.path: finding.proposal for finding in findings([file("か\u3099"), file("が")], "sharepoint")}
    assert found == {"か\u3099": "が-2", "が": ""}


def test_an_open_document_is_found_by_its_owner_file():
    entries = [file("~$成績.xlsx", skip="ignored"), file("成績.xlsx"), file("時間割.xlsx")]
    found = [finding for finding in findings(entries, "s3") if finding.rule.id == "open"]
    assert [(finding.path, finding.detail) for finding in found] == [("成績.xlsx", "~$成績.xlsx")]


def test_a_folder_that_speaks_of_personal_data_is_told_once_for_all_in_it():
    entries = [folder("保健"), file("保健/名簿.xlsx"), folder("保健/健康"), file("保健/健康/成績.txt"), file("成績.txt")]
    found = [finding.path for finding in findings(entries, "s3") if finding.rule.id == "personal"]
    assert found == ["保健", "成績.txt"]


def test_what_lies_in_a_folder_is_measured_under_the_name_proposed_for_it():
    entries = [folder("写真"), file("写真/" + "あ" * 111)]
    plain = findings(entries, "s3")
    coded = findings(entries, "s3-ascii", place="pre/es/share/")
    assert not [finding for finding in plain if finding.rule.id == "path-too-long"]
    blocked = [finding for finding in coded if finding.path.startswith("写真/")]
    name = blocked[0].proposal
    assert len("pre/es/share/" + encode_ascii("写真", "!") + "/" + name) <= 1024
    assert name != encode_ascii("あ" * 111, "!")


def test_no_name_is_proposed_where_none_helps():
    found = findings([file(" a", size=300 << 30), file(f"{DEEP}/ b")], "sharepoint")
    assert {(finding.rule.id, finding.proposal) for finding in found if finding.path == " a"} == {
        ("edge", ""), ("too-large", ""),
    }
    assert {finding.proposal for finding in found if finding.path.endswith("/ b")} == {"b"}


def test_the_name_of_the_share_itself_is_judged():
    found = findings([file("a.txt")], "s3-ascii")
    assert [(finding.rule.id, finding.path) for finding in found] == [("not-ascii", "")]


def test_more_items_than_a_target_holds_block_the_share():
    rows = TABLES.profiles["google-drive"].rows
    assert [finding.rule.id for finding in Amounts(items=500_001).findings(rows)] == ["too-many"]
    assert list(Amounts(items=500_000).findings(rows)) == []


def test_normalising_to_nfc_changes_23_characters_of_cp932_and_no_more():
    characters = set()
    for first in (*range(0x81, 0xA0), *range(0xE0, 0xFD)):
        for second in range(0x40, 0xFD):
            try:
                characters.add(bytes([first, second]).decode("cp932"))
            except UnicodeDecodeError:
                continue
    characters |= {bytes([byte]).decode("cp932") for byte in (*range(0x20, 0x7F), *range(0xA1, 0xE0))}
    changed = {one for one in characters if unicodedata.normalize("NFC", one) != one}
    assert len(changed) == 23
    assert changed == {one for one in characters if is_unstable(one)}
    assert {"\ufa19", "\ufa1b", "\ufa26", "\uf929", "\uf9dc"} <= changed
    assert "﨑" not in changed and "髙" not in changed


def test_vendor_kanji_are_those_that_shift_jis_of_the_standard_does_not_have():
    assert all(map(is_vendor_kanji, "①㈱髙﨑Ⅷ纊"))
    assert not any(map(is_vendor_kanji, "高崎神か漢a～"))


def test_ascii_keys_can_be_read_back():
    for name in ("時間割 (最終)!.xlsx", "!E3", "a%20b", "𠮷"):
        coded = encode_ascii(name, "!-_.*'()")
        assert coded.isascii() and decode_ascii(coded) == name


def test_foldings_see_less_and_less():
    for one, other in (("A", "a"), ("が", "か\u3099"), ("ß", "SS")):
        assert by_case(one) == by_case(other)
    assert by_case("葛\U000e0100") != by_case("葛") and by_looks("葛\U000e0100") == by_looks("葛")
    assert by_looks("ＡＢ") != by_looks("ab") and by_reader("ＡＢ") == by_reader("ab")


def test_every_rule_has_a_row_with_source_and_date_in_some_profile():
    rows = {rule: row for profile in TABLES.profiles.values() for rule, row in profile.rows.items()}
    assert set(rows) == set(RULES)
    assert all(row.source and row.date for row in rows.values())
    assert {"s3", "s3-ascii", "google-drive", "sharepoint", "azure-blob", "linux-folder"} <= set(PROFILES)
