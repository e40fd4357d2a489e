"""The rules of probing: what came -> pass, fail, or not known. Whatever a machine says or leaves out, it never passes
by saying too little."""

import json
import re
import struct
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.remotes.dialogues import NoAnswer, dns, nut, smb, sntp
from kdx.rollout.probe.asking import seconds_outside
from kdx.rollout.probe.check import EndOfLife, Result, Seen
from kdx.rollout.probe.checks import BY_ID, CHECKS
from kdx.rollout.probe.debian_version import is_newer
from kdx.rollout.probe.rules import load_rules
from kdx.rollout.probe.script import script_for, sections_of

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
PASS, FAIL, UNKNOWN = Result.PASS, Result.FAIL, Result.UNKNOWN
ENDS = (
    EndOfLife("windows server 2016", date(2027, 1, 12)), EndOfLife("windows server 2012", date(2023, 10, 10)),
    EndOfLife("windows server 2012 r2", date(2023, 10, 10)), EndOfLife("debian 12", date(2028, 6, 30)),
    EndOfLife("centos 7", date(2024, 6, 30)), EndOfLife("ubuntu 22.04", date(2027, 4, 1)),
)
FIGURES = {
    "clock_right": {"seconds": 60}, "ups_ready": {"charge": 90, "runtime": 300, "battery_years": 5},
    "disk_free": {"least_percent": 10}, "updates_installed": {"list_days": 7}, "tls_sound": {"days_left": 30},
}


def judged(check: str, reference: float | None = None, **raw: str) -> Result:
    seen = Seen({name.replace("__", "."): text for name, text in raw.items()}, FIGURES.get(check, {}), NOW, ENDS,
                reference)
    return BY_ID[check].judge(seen).result


@pytest.mark.parametrize(
    ("old", "modern", "expected"),
    [
        ("on", "3.1.1", FAIL), ("on", "it hung up", FAIL), ("off", "3.1.1", PASS), ("it hung up", "3.1.1", PASS),
        ("off", "2.1", PASS), ("no answer in time", "3.1.1", UNKNOWN), ("it hung up", "it hung up", UNKNOWN),
        ("off", "what it says cannot be understood", UNKNOWN), ("", "", UNKNOWN),
    ],
)
def test_smb1_is_off_only_where_the_same_server_answers_to_a_newer_one(old, modern, expected):
    assert judged("smb1_off", smb1=old, smb3=modern) is expected


@pytest.mark.parametrize(
    ("old", "modern", "expected"),
    [("off", "3.1.1", PASS), ("off", "3.0", PASS), ("off", "2.1", FAIL), ("on", "it hung up", FAIL), ("", "", UNKNOWN)],
)
def test_a_server_that_speaks_nothing_newer_than_smb2_fails(old, modern, expected):
    assert judged("smb3_spoken", smb1=old, smb3=modern) is expected


@pytest.mark.parametrize(
    ("signing", "expected"), [("required", PASS), ("offered", FAIL), ("none", FAIL), ("", UNKNOWN), ("ja", UNKNOWN)]
)
def test_signing_counts_only_where_it_is_required(signing, expected):
    assert judged("smb_signing", signing=signing) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Global parameters\n[global]\n\tserver smb encrypt = required\n[共有]\n\tpath = /srv", PASS),
        ("[global]\n\tsmb encrypt = mandatory\n", PASS),
        ("[global]\n\tserver smb encrypt = desired\n", FAIL),
        ("[global]\n\tworkgroup = X\n", FAIL),
        ("[global]\n\tserver smb encrypt = required\n[scan]\n\tserver smb encrypt = off\n", FAIL),
        ("[scan]\n\tserver smb encrypt = required\n[global]\n", FAIL),
        ("", UNKNOWN), ("sh: testparm: not found", UNKNOWN),
    ],
)
def test_encryption_counts_only_where_global_requires_it_and_no_share_loosens_it(text, expected):
    assert judged("smb_encryption", text=text) is expected


def smart(status: int, **said: object) -> str:
    return f"-- disk sda\n{json.dumps(said)}\n-- exit {status}\n"


HEALTHY = {"smart_status": {"passed": True}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (smart(0, **HEALTHY), PASS), (smart(1 << 5, **HEALTHY), PASS), (smart(1 << 6, **HEALTHY), PASS),
        (smart(1 << 3, smart_status={"passed": False}), FAIL), (smart(1 << 4, **HEALTHY), FAIL),
        (smart(1 << 7, **HEALTHY), FAIL), (smart(1 << 3 | 1, **HEALTHY), FAIL), (smart(0, smart_status={}), UNKNOWN),
        (smart(1), UNKNOWN), (smart(2), UNKNOWN), (smart(1 << 2, **HEALTHY), UNKNOWN), (smart(0), UNKNOWN),
        (smart(0, smart_status={"passed": "yes"}), UNKNOWN), ("-- disk sda\n", UNKNOWN), ("", UNKNOWN),
        (smart(0, **HEALTHY) + "-- disk sdb\n{}\n-- exit 1\n", UNKNOWN),
        (smart(0, **HEALTHY) + "-- disk sdb\n{}\n-- exit 8\n", FAIL),
        ("-- disk sda\nnot json\n-- exit 0\n", UNKNOWN),
    ],
)
def test_the_mask_of_smartctl_is_read_bit_by_bit_and_a_disk_behind_raid_is_not_known(text, expected):
    assert judged("disk_sound", text=text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', PASS),
        ("PRETTY_NAME=Microsoft Windows Server 2016 Standard", PASS),
        ("PRETTY_NAME=Microsoft Windows Server 2012 R2 Standard", FAIL), ('ID=centos\nVERSION_ID="7"', FAIL),
        ('ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"', PASS),
        ('ID=debian\nVERSION_ID="120"\nPRETTY_NAME=x', UNKNOWN), ("PRETTY_NAME=Windows Server 20160", UNKNOWN),
        ("ID=nas", UNKNOWN), ("", UNKNOWN), ("=====", UNKNOWN),
    ],
)
def test_a_system_without_a_row_is_not_known_and_one_past_its_day_fails(text, expected):
    assert judged("os_supported", text=text) is expected


STAMP = int((NOW - timedelta(days=1)).timestamp())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"apt {STAMP} 2\n", PASS), (f"apt {STAMP} 2\nlibssl3 3.0.2-1 3.0.1-9\n", PASS),
        (f"apt {STAMP} 2\nlibssl3 3.0.9-1 3.0.10-1\n", FAIL),
        (f"apt {STAMP - 30 * 86400} 2\nlibssl3 3.0.9-1 3.0.10-1\n", FAIL), (f"apt {STAMP} 2\nlibssl3\n", FAIL),
        (f"apt {STAMP - 30 * 86400} 2\n", UNKNOWN), (f"apt {STAMP + 30 * 86400} 2\n", UNKNOWN),
        (f"apt {STAMP} 0\n", UNKNOWN), (f"apt {STAMP}\n", UNKNOWN), ("apt \n", UNKNOWN), ("apt x 2\n", UNKNOWN),
        (f"dnf {STAMP} 1\n", PASS), (f"dnf {STAMP} 1\nopenssl-3.0.7\n", FAIL), ("", UNKNOWN),
    ],
)
def test_old_package_lists_know_of_no_update_and_so_prove_nothing(text, expected):
    assert judged("updates_installed", text=text) is expected


ASCENDING = (
    "0~~", "0~", "0", "0+a", "1.0~rc1-1", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1", "1.0-2", "1.0a-1",
    "1.0+x-1", "1.0.1", "1.9-1", "1.10-1", "2023c-5", "2024a-0", "1:0.1", "2:0.1-1",
)


def test_debian_versions_are_ordered_as_dpkg_orders_them():
    assert [is_newer(b, a) for a, b in pairwise(ASCENDING)] == [True] * (len(ASCENDING) - 1)
    assert not any(is_newer(a, b) for a, b in pairwise(ASCENDING))
    assert not is_newer("1.0-1", "1.0-1") and not is_newer("1.0-0", "1.0")


@given(st.text("0123456789abz.+~-:", max_size=12), st.text("0123456789abz.+~-:", max_size=12))
def test_no_two_versions_are_newer_than_each_other(one, other):
    assert not (is_newer(one, other) and is_newer(other, one))


HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
WIRED, AIR = "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", (
    "wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + AIR + "wireless wlan0\n", PASS), (HEAD + AIR + WIRED + "wireless wlan0\n", FAIL),
        (HEAD + WIRED, FAIL), (HEAD + "wireless wlan0\n", UNKNOWN), ("", UNKNOWN),
    ],
)
def test_wifi_counts_only_where_the_default_route_takes_it(text, expected):
    assert judged("staff_on_wifi", text=text) is expected


DF = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DF + "/dev/sda1 1000 100 900 10% /\n", PASS), (DF + "overlay 1000 950 50 95% /\n", FAIL),
        (DF + "/dev/sda1 1000 1 999 1% /\n/dev/sdb1 1000 950 50 95% /srv/共有 フォルダー\n", FAIL),
        (DF + "/dev/sda1 1000 1 999 1% /\ntmpfs 10 10 0 100% /run\n/dev/loop0 10 10 0 100% /snap/x\n", PASS),
        ("", UNKNOWN), (DF, UNKNOWN), (DF + "/dev/sda1 - - - - /\n", UNKNOWN),
    ],
)
def test_the_fullest_disk_decides(text, expected):
    assert judged("disk_free", text=text) is expected


def ups(
    status: str = "OL CHRG", charge: str = "100", runtime: str = "1200", born: str = "2024/01/10"
) -> dict[str, str]:
    return {"ups__status": status, "battery__charge": charge, "battery__runtime": runtime, "battery__date": born}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (ups(), PASS), (ups("OL"), PASS), (ups(born="ERR VAR-NOT-SUPPORTED"), PASS), (ups("OB DISCHRG"), FAIL),
        (ups("OL RB"), FAIL), (ups("OB LB"), FAIL), (ups("FSD OB LB"), FAIL), (ups(charge="40"), FAIL),
        (ups(runtime="60"), FAIL), (ups(born="2019/01/10"), FAIL), (ups("ERR DRIVER-NOT-CONNECTED"), UNKNOWN),
        (ups("ERR DATA-STALE"), UNKNOWN), (ups("ERR UNKNOWN-UPS"), UNKNOWN), (ups("OL WAT"), UNKNOWN),
        (ups(""), UNKNOWN), (ups("CHRG"), UNKNOWN), (ups(charge="ERR VAR-NOT-SUPPORTED"), UNKNOWN),
        (ups(charge="nan"), UNKNOWN), (ups(runtime="inf"), UNKNOWN), ({}, UNKNOWN),
    ],
)
def test_a_ups_is_ready_only_where_it_says_so_in_every_respect(raw, expected):
    assert judged("ups_ready", **raw) is expected


@pytest.mark.parametrize(
    ("reference", "raw", "expected"),
    [
        (0.0, {"clock": "0.2"}, PASS), (3600.0, {"clock": "3600.4"}, PASS), (0.0, {"clock": "3600"}, FAIL),
        (3600.0, {"clock": "0"}, FAIL), (0.0, {"clock": "-61"}, FAIL), (None, {"clock": "0"}, UNKNOWN),
        (0.0, {"clock": ""}, UNKNOWN), (0.0, {}, UNKNOWN), (0.0, {"clock": "0", "stratum": "0", "leap": "0"}, UNKNOWN),
        (0.0, {"clock": "0", "stratum": "16", "leap": "0"}, UNKNOWN),
        (0.0, {"clock": "0", "stratum": "2", "leap": "3"}, UNKNOWN),
        (0.0, {"clock": "0", "stratum": "15", "leap": "0"}, PASS),
    ],
)
def test_a_clock_is_right_by_the_reference_not_by_ours(reference, raw, expected):
    assert judged("clock_right", reference, **raw) is expected


@pytest.mark.parametrize(
    ("outcome", "expect", "control", "expected"),
    [
        ("open", "open", "", PASS), ("refused", "open", "", FAIL), ("filtered", "open", "", FAIL),
        ("filtered", "closed", "open", PASS), ("unreachable", "closed", "open", PASS),
        ("filtered", "closed", "filtered", UNKNOWN), ("filtered", "closed", "", UNKNOWN),
        ("refused", "closed", "open", FAIL), ("open", "closed", "open", FAIL), ("nameless", "closed", "open", UNKNOWN),
        ("nameless", "open", "open", UNKNOWN), ("", "open", "", UNKNOWN),
    ],
)
def test_closed_is_silence_beside_something_that_answers(outcome, expect, control, expected):
    assert judged("segments", outcome=outcome, expect=expect, control=control) is expected


def filtered(impossible: str = "NXDOMAIN", allowed: str = "NOERROR 203.0.113.5", **blocked: str) -> dict[str, str]:
    return {"kdx-probe.invalid": impossible, "ok.example": allowed, "(allowed)": "ok.example", "(page)": "10.0.0.80",
            **blocked}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (filtered(bad="NXDOMAIN"), PASS), (filtered(bad="NOERROR 10.0.0.80"), PASS), (filtered(bad="REFUSED"), PASS),
        (filtered(bad="NOERROR 0.0.0.0"), PASS), (filtered(bad="NOERROR 198.51.100.1"), FAIL),
        (filtered(bad="NXDOMAIN", worse="NOERROR 198.51.100.1"), FAIL), (filtered(bad="SERVFAIL"), UNKNOWN),
        (filtered("NOERROR 10.0.0.80", bad="NOERROR 10.0.0.80"), UNKNOWN),
        (filtered("unclear", bad="NXDOMAIN"), UNKNOWN),
        (filtered(allowed="NXDOMAIN", bad="NXDOMAIN"), UNKNOWN), (filtered(), UNKNOWN), ({}, UNKNOWN),
        (filtered(allowed="NOERROR 10.0.0.80", bad="NOERROR 10.0.0.80"), UNKNOWN),
    ],
)
def test_a_resolver_that_answers_everything_proves_no_filter(raw, expected):
    assert judged("web_filter", **raw) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"until": (NOW + timedelta(days=90)).isoformat(), "issuer": "X", "version": "TLSv1.3"}, PASS),
        ({"until": (NOW + timedelta(days=29)).isoformat()}, FAIL), ({"fault": "certificate has expired"}, FAIL),
        ({}, UNKNOWN), ({"until": "soon"}, UNKNOWN),
    ],
)
def test_a_certificate_that_ends_soon_fails(raw, expected):
    assert judged("tls_sound", **raw) is expected


@pytest.mark.parametrize(
    ("outcome", "listed", "expected"),
    [("refused", "yes", PASS), ("written", "yes", FAIL), ("", "no", UNKNOWN), ("refused", "no", UNKNOWN),
     ("no space left", "yes", UNKNOWN)],
)
def test_only_a_refusal_in_a_folder_that_was_seen_shows_that_a_share_is_read_only(outcome, listed, expected):
    assert judged("old_share_read_only", outcome=outcome, listed=listed, user="a") is expected


texts = st.dictionaries(
    st.sampled_from([
        "smb1", "smb3", "signing", "clock", "text", "ups.status", "battery.charge", "battery.runtime", "battery.date",
        "stratum", "leap", "outcome", "expect", "control", "until", "fault", "kdx-probe.invalid", "(allowed)", "listed",
    ]),
    st.text(max_size=60) | st.sampled_from(["on", "off", "open", "closed", "OL", "100", "3.1.1", "0"]),
)


@given(texts, st.none() | st.floats(-1e6, 1e6))
def test_no_rule_breaks_whatever_a_machine_says(raw, reference):
    for check in CHECKS:
        verdict = check.judge(Seen(raw, FIGURES.get(check.id, {}), NOW, ENDS, reference))
        assert verdict.result in Result and str(verdict.reason)


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_who_says_nothing_never_passes(check):
    assert judged(check) is UNKNOWN


@given(st.binary(max_size=300))
def test_no_answer_breaks_a_reader(answer):
    assert smb.read_old(answer) in ("on", "off", smb.UNCLEAR)
    assert smb.read_modern(answer, NOW)["smb3"]
    assert dns.read(answer, dns.question("a.example", b"ab"))
    assert nut.read(answer.decode("utf-8", "replace"), "ups", "ups.status") is not None
    try:
        sntp.read(answer, b"12345678", NOW, NOW)
    except NoAnswer:
        pass


@given(st.binary(max_size=200), st.integers(0, 200))
def test_a_longer_answer_with_a_good_beginning_breaks_no_reader_either(tail, cut):
    question = dns.question("a.example", b"ab")
    head = question[:2] + b"\x81\x80" + question[4:6] + b"\0\x05" + question[8:]
    assert dns.read(head + tail[:cut], question)
    modern = b"\xfeSMB" + bytes(60) + struct.pack("<HHH", 65, 3, 0x311) + tail.ljust(100, b"\xff")
    assert smb.read_modern(modern, NOW)["smb3"] == "3.1.1"


def test_addresses_are_read_behind_names_that_are_shortened():
    asked = dns.question("a.example", b"ab")
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + bytes([203, 0, 113, 5])
    alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c"
    answer = asked[:2] + b"\x81\x80\0\x01\0\x02\0\0\0\0" + asked[12:] + alias + record
    assert dns.read(answer, asked) == "NOERROR 203.0.113.5"
    assert dns.read(answer, dns.question("b.example", b"ab")) == dns.UNCLEAR
    assert dns.read(b"xy" + answer[2:], asked) == dns.UNCLEAR


def test_a_clock_a_second_is_read_from_is_wrong_only_by_what_the_conversation_does_not_explain():
    after = NOW + timedelta(seconds=9)
    stamp = int(NOW.timestamp())
    assert [seconds_outside(str(stamp + ahead), NOW, after) for ahead in (0, 5, 9, 109, -101)] == [
        "0.0", "0.0", "0.0", "100.0", "-100.0",
    ]
    assert seconds_outside("yesterday", NOW, after) == ""


def test_an_answer_that_is_cut_shows_only_what_was_seen_to_end():
    checks = ("os_supported", "disk_free", "disk_sound")
    whole = b"banner\n\n== kdx os_supported\nID=x\n\n== kdx disk_free\ndf\n\n== kdx disk_sound\n\n== kdx end\n"
    assert sections_of(whole, checks) == {"os_supported": "ID=x\n", "disk_free": "df\n", "disk_sound": ""}
    assert sections_of(whole[:60], checks) == {"os_supported": "ID=x\n"}
    assert sections_of(b"Password:", checks) == {}


def test_the_script_is_made_of_constants_and_asks_sudo_only_where_that_is_declared():
    checks = [check.id for check in CHECKS if check.command]
    assert "sudo" not in script_for(checks, False)
    assert script_for(checks, True).count("sudo") == 1
    # nothing is redirected anywhere but into nothing
    said = script_for(checks, True).replace(">/dev/null", "")
    assert not re.search(r">|\btee\b|\bmktemp\b|\brm\b|\bmv\b|\bcp\b|\btouch\b", said)


def test_every_check_has_its_words_and_figures_in_the_shipped_table(tmp_path):
    rules = load_rules(tmp_path)
    assert rules.checks.keys() == BY_ID.keys()
    for name, rule in rules.checks.items():
        assert rule.label.ja and rule.label.en and rule.why.ja and rule.why.en and rule.fix.ja and rule.fix.en, name
        assert rule.figures == FIGURES.get(name, {}), name


def test_the_tables_beside_the_inventory_are_those_that_ship(checkout):
    for name in ("probe.yml", "end_of_life.yml", "windows_scripts.yml"):
        shipped = (checkout / "kdx/config/tables" / name).read_bytes()
        assert (checkout / "inventory/rules" / name).read_bytes() == shipped
