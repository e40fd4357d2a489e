"""`schedule:` and `hazard:` of kdx.yml: defaults that suit a school, and every mistake with its place."""

from datetime import date, time
from pathlib import Path

import pytest

from kdx.config import load_board
from kdx.config.mistakes import ConfigurationMistakes
from kdx.config.model import Board
from kdx.config.scheduling import Span, Vacation


def load(folder: Path, settings: str) -> Board:
    (folder / "hosts.yml").write_text("all: {children: {schools: {children: {}}}}\n", "utf-8")
    (folder / "kdx.yml").write_text(f"board: 試験市教育委員会\n{settings}", "utf-8")
    return load_board(folder)


def test_a_board_that_writes_nothing_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    board = load(tmp_path, "")
    assert (board.schedule.rpo_hours, str(board.schedule.window), board.schedule.done_by) == (
        30, "22:00-05:00", time(7)
    )
    assert (str(board.schedule.class_hours), board.schedule.class_rate) == ("08:00-17:00", 1_250_000)
    assert (board.hazard.look_ahead_hours, board.hazard.unknown_minutes, board.hazard.rearm_hours) == (6, 30, 2)
    assert board.hazard.line_percent == 50 and board.hazard.hooks == ()


def test_everything_written_is_read(tmp_path: Path) -> None:
    board = load(
        tmp_path,
        """\
schedule:
  window: "21:30-04:00"
  done_by: "06:30"
  class_rate: 5Mbit
  wan: 200Mbit
  vacations: ["07-18..08-31", "12-24..01-07"]
  closed: [2026-08-13, "2026-08-14"]
  mail_file: out/mail
hazard:
  line_percent: 30
  hooks: {danger: [ansible-playbook, playbooks/read_only.yml]}
jma: {office: "240000", class20: "2421000", bosai: "https://mirror.example.jp/bosai", contact: kyoui@example.jp}
""",
    )
    assert board.schedule.window == Span(time(21, 30), time(4)) and board.schedule.wan == 25_000_000
    assert board.schedule.vacations == (Vacation((7, 18), (8, 31)), Vacation((12, 24), (1, 7)))
    assert board.schedule.closed == (date(2026, 8, 13), date(2026, 8, 14))
    assert board.schedule.mail_file == tmp_path / "out/mail"
    assert board.hazard.hooks == (("danger", ("ansible-playbook", "playbooks/read_only.yml")),)
    assert board.weather and board.weather.bosai == "https://mirror.example.jp/bosai"


def test_a_school_may_have_its_own_line_and_its_wave(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(
        "all: {children: {schools: {children: {a_es: {vars: {school_name: 甲小}}, b_es: {vars: {school_name: 乙小}}}}}}\n",
        "utf-8",
    )
    (tmp_path / "kdx.yml").write_text(
        """board: 試験市教育委員会
schedule:
  line: 100Mbit
  schools: {a_es: {line: 20Mbit, class_rate: 2Mbit, class_hours: "08:20-16:00"}}
  waves: [{schools: [a_es], start: 2026-12-05}]
""",
        "utf-8",
    )
    rules = load_board(tmp_path).schedule
    own = rules.of("a_es")
    assert (own.line, own.class_rate, str(own.class_hours)) == (2_500_000, 250_000, "08:20-16:00")
    assert rules.of("b_es") == rules and rules.own_line("a_es") == 2_500_000 and rules.own_line("b_es") is None
    assert (rules.wave_of("a_es"), rules.wave_of("b_es"), rules.waves[0].start) == (0, 1, date(2026, 12, 5))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ("schedule: {schools: {nobody: {line: 5Mbit}}}\n", "schedule.schools.nobody"),
        ("schedule: {schools: {nobody: {lien: 5Mbit}}}\n", "schedule.schools.nobody.lien"),
        ("schedule: {waves: [{schools: [nobody]}]}\n", "schedule.waves[0].schools[0]"),
        ("schedule: {waves: [{start: 2026-12-05}]}\n", "schedule.waves[0]"),
        ("schedule: {rpo: 30}\n", "schedule.rpo"),
        ("schedule: {parallel: 0}\n", "schedule.parallel"),
        ("schedule: {window: 22:00}\n", "schedule.window"),
        ('schedule: {window: "22:00-25:00"}\n', "schedule.window"),
        ("schedule: {done_by: 7:00}\n", "schedule.done_by"),
        ("schedule: {class_rate: fast}\n", "schedule.class_rate"),
        ('schedule: {vacations: ["02-30..03-01"]}\n', "schedule.vacations[0]"),
        ("schedule: {closed: [soon]}\n", "schedule.closed[0]"),
        ("schedule: {ping: 'https://user:secret@example.jp'}\n", "schedule.ping"),
        ("hazard: {line_percent: 101}\n", "hazard.line_percent"),
        ("hazard: {hooks: {danger: 'rm -rf /'}}\n", "hazard.hooks.danger"),
        ("hazard: {hooks: {storm: [true]}}\n", "hazard.hooks.storm"),
        ('jma: {office: "240000", class20: "2421000", xml: "file:///etc"}\n', "jma.xml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, settings: str, place: str) -> None:
    with pytest.raises(ConfigurationMistakes) as caught:
        load(tmp_path, settings)
    assert place in [one.key_path for one in caught.value.mistakes]


def test_where_the_report_goes_each_morning_is_read_and_mistakes_are_named(tmp_path: Path) -> None:
    written = "report: {publish: 'smb://kdx@office/share', at: '06:45', audience: schools, secret: 'file:pw'}\n"
    report = load(tmp_path, written).report
    assert report and (report.at, report.audience, str(report.place.location)) == (
        time(6, 45), "schools", "smb://kdx@office/share")
    assert load(tmp_path, "").report is None
    for wrong in ("{at: '06:30'}", "{publish: /srv, at: '25:00'}", "{publish: /srv, audience: all}", "{publich: /srv}"):
        with pytest.raises(ConfigurationMistakes):
            load(tmp_path, f"report: {wrong}\n")
