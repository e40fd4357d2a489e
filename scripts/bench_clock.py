"""What the one line of cron costs when nothing is due: a quiet tick, and the network of a day.

The observatory is the tests' own, on loopback: it answers at once, so that a tick's time holds no wait for a network.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_print import Figures, Line
from bench_run import Bench

from kdx.config.model import Network, WeatherAreas
from kdx.hazard.codes import codes_of
from kdx.hazard.feeds import Watch
from kdx.hazard.jma import poll
from tests.rigs.fake_jma import FakeJma, serve_jma
from tests.rigs.kameyama import KAMEYAMA, OFFICE, atom, encode, report, timeline

SCHOOLS = 14
MB = 1e6
TICK = timedelta(minutes=5)
R8_BYTES, LIST_BYTES, OUTLOOK_BYTES, RIVER_BYTES = 60_000, 200_000, 60_000, 60_000
"""Twice the file of a large office (25 to 31 KB), the list of telegrams on a busy day, and as much for the rest."""


def quiet_tick(bench: Bench) -> Iterator[Line]:
    """A tick of fourteen schools that were saved, on a calm day; every feed is asked anew."""
    with serve_jma() as weather:
        board, state = _saved(bench, weather)
        measures = []
        for _run in range(bench.size.pairs):
            # as if the minute had passed within which nothing is asked twice
            for kept in (state / "hazard").glob("*.json"):
                if kept.name != "schools.json":
                    kept.unlink()
            asked = len(weather.requests)
            measures.append(bench.kdx(board, state, "schedule", "run"))
            said = (bench.scratch / "output").read_text("utf-8")
            if said or len(weather.requests) - asked < 5:
                raise AssertionError(f"not a quiet tick that asked: {len(weather.requests) - asked} requests, {said}")
    yield Figures("clock-tick", f"{SCHOOLS} schools, quiet, wall", "s", [one.wall for one in measures], 0.6)
    yield Figures("clock-tick", "peak", "MB", [one.peak / MB for one in measures], 80)


def network(bench: Bench) -> Iterator[Line]:
    """What a day of ticks fetches: on a stormy one where every feed is another at every look, and on a calm one."""
    for what, changes in (("a storm: all new each look", 1), ("calm: new every 6 hours", 72)):
        with serve_jma() as weather:
            folder = bench.new_folder()
            areas = WeatherAreas(OFFICE, KAMEYAMA, f"{weather.url}/bosai", f"{weather.url}/xml", "")
            watch = Watch(areas, Network(), codes_of(folder), folder)
            start = datetime(2027, 7, 14, tzinfo=UTC)
            for tick in range(int(timedelta(days=1) / TICK)):
                now = start + tick * TICK
                if tick % changes == 0:
                    _publish(weather, now, padded=True)
                weather.put("map_time.json", encode({"latestControlDatetime": now.isoformat()}))
                if doubts := poll(watch, now).doubts:
                    raise AssertionError(f"a day in doubt measures nothing: {doubts}")
            yield Figures("clock-network", what, "MB", [weather.sent / MB], 50)


def _publish(weather: FakeJma, now: datetime, padded: bool = False) -> None:
    """Let every feed be another than before."""

    def body(content: bytes, size: int) -> bytes:
        return content + b" " * (size - len(content)) if padded else content

    reports = [report(type, now) for type in ("VPWW61", "VPWW55")]
    weather.put("r8.json", body(encode(reports), R8_BYTES))
    # as long as it is old it differs by its length
    weather.put("flood_xml.json", body(b"[]", RIVER_BYTES + int(now.timestamp()) // 300 % 1000))
    weather.put("warning_timeline.json", body(encode(timeline(now, ["11", "11"])), OUTLOOK_BYTES))
    weather.put("map_time.json", encode({"latestControlDatetime": now.isoformat()}))
    weather.put("extra.xml", body(atom([("VPWW55", now)]), LIST_BYTES))


def _saved(bench: Bench, weather: FakeJma) -> tuple[Path, Path]:
    """Return inventory and state of a board whose schools have all been saved, its window hours away."""
    folder, state, vault = bench.new_folder(), bench.new_folder(), bench.new_folder() / "vault"
    tokyo = datetime.now(UTC) + timedelta(hours=9 + 10)
    window = f"{tokyo:%H:%M}-{tokyo + timedelta(hours=1):%H:%M}"
    (folder / "kdx.yml").write_text(
        f"board: 試験市教育委員会\nlanguage: ja\nvault: {{url: {vault}}}\n"
        f'jma: {{office: "{OFFICE}", class20: "{KAMEYAMA}", bosai: "{weather.url}/bosai", xml: "{weather.url}/xml"}}\n'
        f'schedule: {{window: "{window}", done_by: "{tokyo:%H:%M}"}}\nhazard: {{jitter_seconds: 0}}\n', "utf-8",
    )
    schools = ""
    for number in range(SCHOOLS):
        share = bench.new_folder()
        (share / "成績.txt").write_text("x", "utf-8")
        schools += (f"    s{number:02}_es:\n      vars: {{school_name: 学校{number}, kind: elementary}}\n"
                    f"      hosts: {{fs-{number:02}: {{shares: [{{name: 共有, url: {share}}}]}}}}\n")
    (folder / "hosts.yml").write_text(f"schools:\n  children:\n{schools}", "utf-8")
    _publish(weather, datetime.now(UTC))
    bench.kdx(folder, state, "backup", "init")
    bench.kdx(folder, state, "backup", "run", "--all")
    # the first tick notes what it meets for the first time
    bench.kdx(folder, state, "schedule", "run")
    return folder, state


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {"clock-tick": quiet_tick, "clock-network": network}
