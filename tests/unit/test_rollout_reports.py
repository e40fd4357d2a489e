"""The column maps that ship: MFA (registered is not enforced), devices, training, the contact app, the line."""

import pytest
from rigs.rollout_place import Place, make_place


@pytest.fixture
def kdx_rollout(tmp_path, checkout) -> Place:
    return make_place(tmp_path, checkout)


def taken(place: Place, name: str, *lines: str, code: int = 0, more: tuple[str, ...] = ()) -> dict[str, str]:
    file = place.folder / f"{name}.csv"
    file.write_text("\n".join(lines) + "\n", "utf-8-sig")
    return {row["place"]: row["after"] for row in place.rows("import", file, "--map", name, *more, code=code)}


GOOGLE = (
    "Org Unit Path [Required],Email Address [Required],Status [READ ONLY],2sv Enrolled [READ ONLY],"
    "2sv Enforced [READ ONLY],出力日"
)


def test_of_google_only_who_is_enrolled_and_enforced_counts_and_who_is_suspended_does_not(kdx_rollout):
    rows = [
        "/教職員/西小学校,a@x,Active,True,True,2026-11-22", "/教職員/西小学校,b@x,Active,True,False,2026-11-22",
        "/教職員/西小学校,c@x,Active,False,True,2026-11-22", "/教職員/西小学校,d@x,Suspended,False,False,2026-11-22",
    ]
    assert list(taken(kdx_rollout, "mfa_google", GOOGLE, *rows).values()) == ["1/3 (2026-11-22)"]
    assert kdx_rollout.state("nishi_es", "MFA有効化率 100%") != "確"


def test_who_is_only_registered_at_microsoft_proves_no_enforcement(kdx_rollout):
    head = "学校,userPrincipalName,isMfaRegistered,出力日"
    assert taken(kdx_rollout, "mfa_microsoft_registered", head, "西小学校,a@x,True,2026-11-22")
    assert kdx_rollout.state("nishi_es", "MFA有効化率 100%") == "未"
    head = "学校,UserPrincipalName,perUserMfaState,出力日"
    assert taken(kdx_rollout, "mfa_microsoft_enforced", head, "西小学校,a@x,enabled,2026-11-21")
    assert kdx_rollout.state("nishi_es", "MFA有効化率 100%") != "確"
    assert taken(kdx_rollout, "mfa_microsoft_enforced", head, "西小学校,a@x,enforced,2026-11-22")
    assert kdx_rollout.state("nishi_es", "MFA有効化率 100%") == "確"


@pytest.mark.parametrize(
    ("state", "seen"),
    [("compliant", "1/1 (2026-11-22)"), ("noncompliant", "0/1 (2026-11-22)"), ("", "0/1 (2026-11-22)")],
)
def test_a_device_that_is_enrolled_and_does_not_comply_does_not_count(kdx_rollout, state, seen):
    head = "学校,deviceName,complianceState,出力日"
    assert list(taken(kdx_rollout, "mdm_intune", head, f"西小学校,PC1,{state},2026-11-22").values()) == [seen]


def test_what_intune_itself_exports_counts_by_its_own_heading(kdx_rollout):
    head = "学校,Device name,Compliance,Last check-in,出力日"
    rows = [f"西小学校,PC{number},{state},x,2026-11-22" for number, state in enumerate(("Compliant", "Noncompliant"))]
    assert list(taken(kdx_rollout, "mdm_intune_portal", head, *rows).values()) == ["1/2 (2026-11-22)"]


LINE = "学校,測定場所,下り (kbps),児童生徒数,測定日"


def test_a_line_is_measured_from_two_rooms_for_the_schools_size(kdx_rollout):
    taken(kdx_rollout, "line_speed", LINE, "西小学校,図書室,\"216,000\",61,2026-11-20")
    assert kdx_rollout.state("nishi_es", "回線帯域の測定・増強") != "確"
    taken(kdx_rollout, "line_speed", LINE, "西小学校,音楽室,834000,1400,2026-11-20")
    assert kdx_rollout.state("nishi_es", "回線帯域の測定・増強") == "確"
    taken(kdx_rollout, "line_speed", LINE, "西小学校,音楽室,215999,61,2026-11-21")
    assert kdx_rollout.state("nishi_es", "回線帯域の測定・増強") == "再"


@pytest.mark.parametrize("people", ["0", "-1", "", "nan", "1401"])
def test_a_school_whose_size_is_in_no_row_is_named(kdx_rollout, people):
    taken(kdx_rollout, "line_speed", LINE, f"西小学校,図書室,900000,{people},2026-11-20", code=4)


@pytest.mark.parametrize(
    ("there", "instead"),
    [("up_to: 60,", "up_to: 600,"), ("size: 児童生徒数, ", ""), ("up_to: 60, least", "up_to: 60, most")],
)
def test_a_table_of_sizes_that_is_out_of_order_or_has_no_column_is_a_mistake(kdx_rollout, there, instead):
    file = kdx_rollout.folder / "inventory/rollout.yml"
    file.write_text(file.read_text("utf-8").replace(there, instead, 1), "utf-8")
    assert "sizes" in kdx_rollout("status", code=10).stderr


@pytest.mark.parametrize("speed", ["", "-1", "nan", "速い"])
def test_a_measurement_that_is_no_number_is_named(kdx_rollout, speed):
    taken(kdx_rollout, "line_speed", LINE, f"西小学校,図書室,{speed},60,2026-11-20", code=4)


def test_an_export_with_other_headings_is_refused_and_both_are_named(kdx_rollout):
    file = kdx_rollout.folder / "intune.csv"
    file.write_text("学校,デバイス名,コンプライアンス,出力日\n西小学校,PC1,準拠,2026-11-22\n", "utf-8-sig")
    said = kdx_rollout("import", file, "--map", "mdm_intune_portal", code=4).stderr
    assert "Compliance" in said and "コンプライアンス" in said
    assert kdx_rollout.state("nishi_es", "MDM登録") == "未"


def test_an_import_says_how_far_its_headings_were_confirmed(kdx_rollout):
    file = kdx_rollout.folder / "intune.csv"
    file.write_text("学校,Compliance,出力日\n西小学校,Compliant,2026-11-22\n", "utf-8-sig")
    assert "未確認" in kdx_rollout("import", file, "--map", "mdm_intune_portal").stdout


TRAINING = "学校,受講,対象,基準日"


@pytest.mark.parametrize("day", ["2026-03-31", "2025-11-23", "R7年度"])
def test_a_report_whose_day_lies_in_another_fiscal_year_is_refused(kdx_rollout, day):
    taken(kdx_rollout, "training", TRAINING, f"西小学校,20,20,{day}", code=4)
    assert kdx_rollout.state("nishi_es", "教職員研修 (受講率)") == "未"


@pytest.mark.parametrize("title", ["令和7年度 研修受講状況", "2025年度", "Ｒ７年度の研修"])
def test_a_report_whose_title_names_another_fiscal_year_is_refused_whatever_day_is_given(kdx_rollout, title):
    file = kdx_rollout.folder / "training.csv"
    file.write_text(f"{title}\n{TRAINING}\n西小学校,20,20,2026-11-20\n", "utf-8-sig")
    assert "fiscal year 2025" in kdx_rollout("import", file, "--map", "training", code=4).stderr
    file.write_text(f"令和8年度 研修受講状況\n{TRAINING}\n西小学校,20,20,2026-11-20\n", "utf-8-sig")
    kdx_rollout("import", file, "--map", "training")
    assert kdx_rollout.state("nishi_es", "教職員研修 (受講率)") == "確"


def test_the_contact_app_is_counted_by_school(kdx_rollout):
    found = taken(kdx_rollout, "contact_app", "学校,登録,保護者,基準日", "西小学校,190,200,2026-11-20")
    assert list(found.values()) == ["190/200 (2026-11-20)"]
