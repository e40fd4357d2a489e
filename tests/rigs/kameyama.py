"""A synthetic thunderstorm-and-flood evening over Kameyama, in 気象庁's formats. Made up: nothing here was ever issued.

`python -m tests.rigs.kameyama FOLDER` writes the recording that tests/kameyama_evening/ holds, for kdx hazard replay.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

JST = timezone(timedelta(hours=9))
OFFICE, KAMEYAMA = "240000", "2421000"
NEIGHBOURS = ("2420100", "2420200", "2420700")
QUIET = ({"status": "発表警報・注意報はなし"},)
DAY = datetime(2027, 7, 14, tzinfo=JST)
"""A Wednesday in term."""

Kinds = Sequence[Mapping[str, Any]]


def at(hour: int, minute: int = 0) -> datetime:
    """Return a time of the evening; hours go on after 24."""
    return DAY + timedelta(hours=hour, minutes=minute)


def kind(code: str, status: str = "発表", danger: str = "", type: str = "大雨浸水危険度") -> dict[str, Any]:
    """Return one warning of an r8 item."""
    found: dict[str, Any] = {"code": code, "status": status}
    if danger:
        found["properties"] = [{"type": type, "significancyPart": {"locals": [{"code": danger}]}}]
    return found


def report(type: str, time: datetime, kinds: Kinds = (), info: str = "発表", **more: Any) -> dict[str, Any]:
    """Return one element of the r8 file: Kameyama's item, and quiet neighbours."""
    areas = {area: list(QUIET) for area in NEIGHBOURS} | {KAMEYAMA: list(kinds or QUIET)}
    return {
        "controlDatetime": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reportDatetime": time.astimezone(JST).isoformat(),
        "infoType": info,
        "publishingOffice": "津地方気象台",
        "headlineText": "(訓練用に作った文章)",
        "dataTypeCode": type,
        "warning": {
            "class10Items": [{"areaCode": "240010", "kinds": list(kinds or QUIET)}],
            "class20Items": [{"areaCode": area, "kinds": listed} for area, listed in sorted(areas.items())],
        },
    } | more


def river(code: str, time: datetime, serial: int, **more: Any) -> dict[str, Any]:
    """Return one record of flood_xml.json for the river of Kameyama."""
    names = {"1": "氾濫注意報解除", "2": "レベル２氾濫注意報", "3": "レベル３氾濫警報", "4": "レベル４氾濫危険警報"}
    name = names.get(code[:1], "?")
    return {
        "status": "通常", "reportDatetime": time.astimezone(JST).isoformat(), "infoType": "発表",
        "serial": str(serial), "riverName": "鈴鹿川", "riverCode": "850510000100", "class20Codes": [KAMEYAMA, "2420700"],
        "item": {"name": name, "code": code, "condition": name},
    } | more


def timeline(start: datetime, lightning: Sequence[str], area: str = KAMEYAMA) -> dict[str, Any]:
    """Return warning_timeline: three-hourly codes of 雷危険度 from `start` on."""
    times = [(start + timedelta(hours=3 * step)).isoformat() for step in range(len(lightning))]
    part = {"type": "雷危険度", "locals": [{"codes": list(lightning)}]}
    rain = {"type": "大雨浸水危険度", "locals": [{"codes": ["11"] * len(lightning)}]}
    items = [{"areaCode": area, "kinds": [{"significancyParts": [part, rain]}]}]
    return {"reportDatetime": start.isoformat(), "timeSeries": [{"timeDefines": times, "class20Items": items}]}


def encode(value: Any) -> bytes:
    """Return a value as 気象庁 serves it."""
    return json.dumps(value, ensure_ascii=False).encode()


TITLES = {"VPWW55": "大雨", "VPWW56": "土砂災害", "VPWW58": "暴風・暴風雪", "VPWW61": "その他注意報"}


def telegram(
    type: str, time: datetime, kinds: Kinds = (), status: str = "通常", info: str = "発表", areas: Sequence[str] = ()
) -> bytes:
    """Return one XML telegram with the block 市町村等 alone."""
    listed = areas or (KAMEYAMA, *NEIGHBOURS)
    items = "".join(_item(area, kinds if area == listed[0] and kinds else QUIET) for area in listed)
    words = TITLES.get(type)
    title = "気象警報・注意報（Ｒ０６）" + f"（{words}）" if words else "気象警報・注意報（Ｈ２７）"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Report xmlns="http://xml.kishou.go.jp/jmaxml1/">
<Control><Title>{title}</Title><DateTime>{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</DateTime><Status>{status}</Status>
<EditorialOffice>津地方気象台</EditorialOffice><PublishingOffice>津地方気象台</PublishingOffice></Control>
<Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>三重県</Title>
<ReportDateTime>{time.astimezone(JST).isoformat()}</ReportDateTime><EventID/><InfoType>{info}</InfoType><Serial/>
<InfoKind>気象警報・注意報</InfoKind><Headline><Text>(訓練用に作った文章)</Text></Headline></Head>
<Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/"><Warning type="気象警報・注意報（市町村等）">
{items}</Warning></Body></Report>
""".encode()


def flood_telegram(
    code: str, time: datetime, serial: int = 1, river: str = "850510000100", areas: Sequence[str] = (KAMEYAMA,),
    status: str = "通常",
) -> bytes:
    """Return one VXKO telegram for the river of Kameyama."""
    cities = "".join(f"<Area><City>市</City><CityCode>{area}</CityCode></Area>" for area in areas)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Report xmlns="http://xml.kishou.go.jp/jmaxml1/">
<Control><Title>指定河川洪水予報</Title><DateTime>{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</DateTime>
<Status>{status}</Status><EditorialOffice>津地方気象台</EditorialOffice>
<PublishingOffice>三重河川国道事務所 津地方気象台</PublishingOffice></Control>
<Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>鈴鹿川</Title>
<ReportDateTime>{time.astimezone(JST).isoformat()}</ReportDateTime><EventID>{river}</EventID><InfoType>発表</InfoType>
<Serial>{serial}</Serial><InfoKind>指定河川洪水予報</InfoKind><Headline><Text>(訓練用に作った文章)</Text>
<Information type="指定河川洪水予報（予報区域）"><Item><Kind><Name>氾濫</Name><Code>{code}</Code></Kind>
<Areas><Area><Name>鈴鹿川</Name><Code>{river}</Code></Area></Areas></Item></Information></Headline></Head>
<Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/"><Warning type="指定河川洪水予報"><Item>
<Kind><Name>浸水想定地区</Name></Kind><Areas>{cities}</Areas></Item></Warning></Body></Report>
""".encode()


def _item(area: str, kinds: Kinds) -> str:
    parts = "".join(
        "<Kind>" + (f"<Code>{one['code']}</Code>" if "code" in one else "") + f"<Status>{one['status']}</Status></Kind>"
        for one in kinds
    )
    return f"<Item>{parts}<Area><Name>町</Name><Code>{area}</Code></Area></Item>\n"


def atom(entries: Sequence[tuple[str, datetime]]) -> bytes:
    """Return the Atom feed that lists telegrams of our observatory, given their types and times."""
    listed = "".join(
        f"<entry><title>x</title><id>https://www.data.jma.go.jp/developer/xml/data/{file_name(type, time)}</id>"
        f"<updated>{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</updated></entry>"
        for type, time in entries
    )
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>f</title>{listed}</feed>'.encode()


def file_name(type: str, time: datetime) -> str:
    """Return the name 気象庁 gives a telegram."""
    return f"{time.astimezone(UTC):%Y%m%d%H%M%S}_0_{type}_{OFFICE}.xml"


@dataclass(frozen=True)
class Scene:
    """What the feeds hold from a moment on."""

    time: datetime
    reports: Mapping[str, Kinds] = field(default_factory=dict)
    rivers: str = ""
    broken: bool = False
    """An error page of a proxy comes instead of everything."""

    def files(self, started: Mapping[str, datetime], now: datetime) -> dict[str, bytes]:
        """Return the files by their names; `started` says when each report was issued."""
        if self.broken:
            page = b"<!DOCTYPE html><html><body>503 Service Unavailable</body></html>"
            return {"r8.json": page, "flood_xml.json": page, "map_time.json": page}
        reports = [report(type, started[type], kinds) for type, kinds in self.reports.items()]
        rivers = [river(self.rivers, started["river"], 1)] if self.rivers else []
        return {
            "r8.json": encode(reports),
            "flood_xml.json": encode(rivers),
            "map_time.json": encode({"latestControlDatetime": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}),
        }


LIGHTNING = (kind("14", "発表", "20", "雷危険度"),)
STILL = (kind("14", "継続", "20", "雷危険度"),)
EVENING = (
    Scene(at(15), {"VPWW61": (), "VPWW55": ()}),
    Scene(at(16, 12), {"VPWW61": LIGHTNING, "VPWW55": ()}),
    Scene(at(17, 24), {"VPWW61": STILL, "VPWW55": (kind("10", "発表", "21"),)}),
    Scene(at(18, 7), {"VPWW61": STILL, "VPWW55": (kind("03", "注意報から警報", "31"),)}, "20"),
    Scene(at(19, 31), {"VPWW61": STILL, "VPWW55": (kind("43", "警報から危険警報", "41"),)}, "30"),
    Scene(at(19, 48), broken=True),
    Scene(at(20, 42), {"VPWW61": STILL, "VPWW55": (kind("43", "継続", "41"),)}, "40"),
    Scene(at(22, 11), {"VPWW61": STILL, "VPWW55": (kind("03", "危険警報から警報", "31"),)}, "30"),
    Scene(at(23, 3), {"VPWW61": STILL, "VPWW55": (kind("10", "警報から注意報", "21"),)}, "20"),
    Scene(at(24, 38), {"VPWW61": (kind("14", "解除"),), "VPWW55": (kind("10", "解除"),)}, "10"),
    Scene(at(27), {"VPWW61": (), "VPWW55": ()}),
)


def recording(scenes: Sequence[Scene] = EVENING) -> Iterator[tuple[datetime, str, bytes]]:
    """Yield time, name and body of every file of a recording, oldest first."""
    started: dict[str, datetime] = {}
    last = Scene(at(0))
    for scene in scenes:
        for type, kinds in scene.reports.items():
            if last.reports.get(type) != kinds:
                started[type] = scene.time
        if scene.rivers != last.rivers:
            started["river"] = scene.time
        for name, body in scene.files(started, scene.time).items():
            yield scene.time, name, body
        last = last if scene.broken else replace(scene)


def write_recording(folder: Path, scenes: Sequence[Scene] = EVENING) -> None:
    """Write a recording; each name begins with its time in UTC, as 気象庁's own do."""
    folder.mkdir(parents=True, exist_ok=True)
    for time, name, body in recording(scenes):
        (folder / f"{time.astimezone(UTC):%Y%m%d%H%M%S}_{name}").write_bytes(body + b"\n")
    outlook = timeline(at(15), ["11", "20", "20", "11", "11"])
    (folder / f"{at(15).astimezone(UTC):%Y%m%d%H%M%S}_warning_timeline.json").write_bytes(encode(outlook) + b"\n")


if __name__ == "__main__":
    write_recording(Path(sys.argv[1]))
