"""`kdx checklist` and the yearly follow-up: no figure without source and respondents, and nothing taken in by half."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import Workbook
from rigs.rollout_place import Place, make_place

from kdx.checklist.figures import compare, fitting_totals, known_figures
from kdx.checklist.importer import YearUnclear, read_year
from kdx.checklist.table import OWN, load_checklist
from kdx.cli import root
from kdx.cli.application import Application, utc_now
from kdx.config.mistakes import ConfigurationMistakes
from kdx.language import use_language
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

HEAD = "項目,該当校数,回答校数,割合,年度\n"
GOOD = HEAD + "欠席連絡,１２,１４,85.7%,令和8年度\nFAXの使用,9,14,,R8\n"


class Desk:
    """kdx at a board with three schools and the tables of Kameyama."""

    def __init__(self, place: Place, checkout: Path) -> None:
        self.place = place
        shutil.copytree(checkout / "inventory/rules", place.folder / "inventory/rules")

    def __call__(self, *words: str | Path, code: int = 0, lang: str = "en") -> Result:
        folder = self.place.folder
        environment = {
            "KDX_INVENTORY": str(folder / "inventory"), "KDX_STATE": str(folder / "state"), "KDX_LANG": lang,
        }
        application = Application(clock=lambda: self.place.now)
        result = CliRunner(env=environment).invoke(root, [*map(str, words)], obj=application)
        assert result.exit_code == code, result.output
        return result

    def take(self, content: str | bytes, *words: str, code: int = 0, fy: str = "R8") -> list[dict[str, object]]:
        file = self.place.folder / "answers.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        result = self("checklist", "import", file, "--fy", fy, "--source", "市教委集計", *words, "--json", code=code)
        rows: list[dict[str, object]] = json.loads(result.stdout)["rows"]
        return rows

    def figures(self, *words: str) -> dict[tuple[str, str], dict[str, object]]:
        rows = json.loads(self("checklist", "show", "--figures", *words, "--json").stdout)["rows"]
        return {(row["item"], row["year"][:4]): row for row in rows if row["side"] == "city"}


@pytest.fixture
def kdx(tmp_path: Path, checkout: Path) -> Iterator[Desk]:
    yield Desk(make_place(tmp_path, checkout), checkout)
    use_language("en")


def events(kdx: Desk) -> int:
    with open_ledger(StateFolder(kdx.place.folder / "state"), actor="t", request_id="t", clock=utc_now) as ledger:
        return sum(event.kind.startswith("checklist.") for event in ledger.events())


def test_the_table_of_this_board_is_the_one_that_ships(checkout):
    assert (checkout / "inventory/rules/checklist.yml").read_bytes() == OWN.read_bytes()


def test_the_rates_of_the_plan_stand_in_the_table_as_they_stand_in_the_plan(checkout):
    city = {one.item: one for one in load_checklist(checkout / "inventory").figures if one.side == "city"}
    rates = {item: round(one.rate * 100) for item, one in city.items()}
    assert rates == {
        "absence": 50, "letter": 8, "parent_survey": 50, "pupil_notice": 17, "pupil_survey": 33, "papers": 75,
        "communication": 67, "staff_survey": 58, "fax": 8, "seal": 0,
    }
    assert {(one.fiscal_year, one.label) for one in city.values()} == {(2023, "令和4年度")}
    assert fitting_totals(city.values()) == [12, 24]


def test_what_is_published_as_in_use_is_shown_as_what_is_left(checkout):
    known = load_checklist(checkout / "inventory")
    rates = {(one.fiscal_year, one.edition): one.rate for one in known.figures if one.item == "fax"}
    assert rates[2024, "final"] == pytest.approx(0.232) and rates[2024, "preliminary"] == pytest.approx(0.229)


def test_a_new_question_begins_a_new_series(checkout):
    known = load_checklist(checkout / "inventory")
    pairs = compare(known.items, known.figures)
    assert [(pair.item.id, pair.fiscal_year) for pair in pairs if pair.begins_anew] == [("seal", 2024)]


def test_the_city_is_held_against_the_same_edition(checkout):
    known = load_checklist(checkout / "inventory")
    [pair] = [one for one in compare(known.items, known.figures) if (one.item.id, one.fiscal_year) == ("absence", 2023)]
    assert pair.nation and (pair.nation.edition, pair.points) == ("dashboard", -8.0)


def test_what_was_not_published_by_then_is_not_known(checkout):
    known = load_checklist(checkout / "inventory")
    years = {one.fiscal_year for one in known_figures(known, [], date(2026, 3, 8))}
    assert years == {2023, 2024} and 2025 in {one.fiscal_year for one in known_figures(known, [], date(2026, 3, 9))}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (", source: r7}", "}"), ("source: r7}", "source: nobody}"), ("percent: 71.7", "percent: 171.7"),
        ("percent: 71.7", "percent: viele"), ("edition: dashboard", "edition: rumour"), ("fy: 2024", "fy: 1999"),
    ],
)
def test_a_figure_without_a_source_or_sense_is_a_mistake(tmp_path, old, new):
    text = OWN.read_text("utf-8")
    assert old in text
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/checklist.yml").write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ConfigurationMistakes):
        load_checklist(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_answers_are_taken_in_and_counted_the_right_way_round(kdx, encoding):
    rows = kdx.take(GOOD.encode(encoding))
    assert [row["after"] for row in rows] == ["12/14 (85.7 %)", "5/14 (35.7 %)"]
    figures = kdx.figures()
    assert {key: (row["done"], row["of"]) for key, row in figures.items() if key[1] == "令和8年"} == {
        ("Absence, late, early leave", "令和8年"): (12, 14), ("No fax", "令和8年"): (5, 14),
    }
    assert events(kdx) == 3 and kdx.take(GOOD.encode(encoding)) == [] and events(kdx) == 3


def test_a_workbook_is_taken_in(kdx):
    book = Workbook()
    for row in (["令和8年度"], ["項目", "該当校数", "回答校数"], ["お便り", 13, 14]):
        book.active.append(row)
    path = kdx.place.folder / "answers.xlsx"
    book.save(path)
    kdx("checklist", "import", path, "--fy", "R8", "--source", "集計")
    assert kdx.figures()["Letters to parents", "令和8年"]["done"] == 13


WRONG = (
    ("欠席連絡,12,,85.7%,R8", "how many schools answered"),
    ("欠席連絡,12,0,,R8", "how many schools answered"),
    ("欠席連絡,,14,85.7%,R8", "a number is missing"),
    ("欠席連絡,15,14,,R8", "more than all"),
    ("欠席連絡,12,14,50%,R8", "50 % are not 12 of 14"),
    ("欠席連絡,12,14,,R7", "it is of R7"),
    ("欠席連絡,十二,14,,R8", "not a whole number"),
    ("欠席連絡,-1,14,,R8", "not a whole number"),
    ("欠席連絡,12,14,NaN,R8", "not a per cent"),
    ("<script>,12,14,,R8", "no such item"),
    ("お便り,3,14,,R8", "already"),
)


def test_one_row_that_is_wrong_keeps_the_whole_file_out(kdx):
    for row, why in WRONG:
        rows = kdx.take((HEAD + "お便り,13,14,,R8\n" + row + "\n").encode("cp932"), code=4)
        assert [each["verdict"] for each in rows] == ["change", "problem"] and why in str(rows[1]["why"])
    assert events(kdx) == 0


def test_a_file_without_respondents_is_refused(kdx):
    file = kdx.place.folder / "x.csv"
    file.write_text("項目,割合\n欠席連絡,58.5\n", "utf-8")
    kdx("checklist", "import", file, "--fy", "R8", "--source", "x", code=4)


def test_of_the_nation_a_rate_with_its_respondents_is_enough_but_no_part_of_one(kdx):
    nation = ("--side", "nation", "--edition", "final")
    [row] = kdx.take(HEAD + "生成AI,,28000,0.172,\n", *nation, code=4)
    assert "with %" in str(row["why"])
    [row] = kdx.take(HEAD + "生成AI,,28000,30.1%,\n", *nation)
    assert row["after"] == "?/28000 (30.1 %)"


def test_a_dry_run_takes_nothing_and_a_past_day_stays_as_it_was(kdx):
    kdx.take(GOOD, "--dry-run")
    assert events(kdx) == 0
    kdx.take(GOOD)
    assert ("No fax", "令和8年") not in kdx.figures("--as-of", "2026-11-22")


@pytest.mark.parametrize("text", ["R4", "平成30年度", "来年", "", "R99"])
def test_a_year_without_a_checklist_is_named(text):
    with pytest.raises(YearUnclear):
        read_year(text)


def test_every_format_shows_the_comparison(kdx):
    for form in ("table", "csv", "json", "ndjson", "md", "html", "xlsx"):
        assert kdx("checklist", "show", "--format", form, "-o", kdx.place.folder / f"x.{form}").exit_code == 0
    text = kdx("checklist", "show", lang="ja").stdout
    assert "令和4年度" in text and "別の系列" in text and "出典" in text and "-8.0" in text


def test_the_follow_up_has_the_plans_viewpoints_and_says_what_it_does_not_know(kdx):
    file = kdx.place.folder / "r.md"
    kdx("report", "--fy", "R8", "-o", file, lang="ja")
    text = file.read_text("utf-8")
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert [re.sub("の観点", "", head) for head in heads[:4]] == [
        "働き方改革", "データ連携", "大規模災害におけるレジリエンス", "セキュリティ",
    ]
    assert "令和8年度(2026年度)の市の回答: 不明です" in text and "バックアップ: 不明です" in text
    kdx.take(GOOD)
    kdx.place("set", "claim", "西小", "18", "done", "--count", "38/42")
    kdx("report", "--fy", "R8", "-o", file, lang="ja")
    text = file.read_text("utf-8")
    said = "教職員研修 (受講率): 3 件中 0 件を確認済み (年度の初めは 0 件)。申告のみ 1 件。 (2026-11-23; "
    assert "14 校中 12 校" in text and said in text
    assert "市の回答: 不明" not in text


def test_the_follow_up_of_a_past_day_is_the_same_and_a_year_to_come_is_refused(kdx):
    first = kdx("report", "--fy", "R8", "--as-of", "2026-11-22").stdout
    kdx.take(GOOD)
    assert kdx("report", "--fy", "R8", "--as-of", "2026-11-22").stdout == first
    assert "has not begun" in kdx("report", "--fy", "R9", code=2).output
    kdx.place.now = datetime(2027, 6, 1, tzinfo=UTC)
    assert "2027-03-31" in kdx("report", "--fy", "R8").stdout


def test_a_stream_of_an_own_rollout_is_never_left_out_and_a_hostile_label_is_only_text(kdx):
    path = kdx.place.folder / "inventory/rollout.yml"
    text = path.read_text("utf-8").replace("  dashboard:\n", "  own_board:\n")
    text = text.replace("教育ダッシュボード,", "'<b>[x](y)*',")
    path.write_text(text, "utf-8")
    file = kdx.place.folder / "r.md"
    kdx("report", "--fy", "R8", "-o", file, lang="ja")
    assert r"### \<b\>\[x\](y)\*" in file.read_text("utf-8") and "## そのほかの取組" in file.read_text("utf-8")
    assert "<b>" not in kdx("report", "--fy", "R8", lang="ja").stdout


def test_the_report_shows_the_city_beside_the_nation(kdx):
    text = kdx("report", "--audience", "public", lang="ja").stdout
    part = text.split("<h2>校務DXチェックリスト: 市と全国</h2>")[1].split("</section>")[0]
    assert "50 %、全国 58 %" in part and "R6*" in part


def test_registers_of_fax_counterparts_and_stamps_feed_the_rollout(kdx):
    for name, columns, item, milestone in (
        ("fax_register", "相手先,廃止済,相手先数", "民間事業者", "FAXを使わない (民間事業者)"),
        ("stamp_register", "書類,押印不要,書類数", "通知表", "押印を要しない (通知表)"),
    ):
        file = kdx.place.folder / f"{name}.csv"
        lines = (f"学校,{columns},基準日", f"西小,{item},３,3,R8.11.20", f"加太小,{item},1,3,R8.11.20")
        file.write_bytes("\n".join(lines).encode("cp932"))
        kdx("rollout", "import", file, "--map", name)
        # one of three is begun, and not proven
        assert (kdx.place.state("西小", milestone), kdx.place.state("加太小", milestone)) == ("確", "中")
