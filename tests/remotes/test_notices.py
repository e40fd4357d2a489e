"""What is told to the outside: a ping only when all is well, messages by webhook and mail file, figures."""

import json
import mailbox
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kdx.config.model import Board
from kdx.config.scheduling import Scheduling
from kdx.schedule.notices import deliver, write_figures
from kdx.schedule.situation import SchoolState, ShareState, Situation
from kdx.schedule.troubles import Message, Trouble

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
MESSAGE = Message("rpo a-1", "あ小学校 共有: 古い\nFrom here")


@contextmanager
def listener() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A server that takes whatever comes; yields its address and what came (method, path, body)."""
    came: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append((self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        server.server_close()


def board(**rules: object) -> Board:
    return Board("試験市教育委員会", Path("/i"), (), schedule=replace(Scheduling(), **rules))  # type: ignore[arg-type]


def test_a_ping_is_sent_only_when_all_is_well_and_a_webhook_only_when_there_is_something_to_say() -> None:
    with listener() as (url, came):
        one = board(ping=f"{url}/ping", webhook=f"{url}/hook")
        assert deliver(one, [], True, NOW) == {"notice ping": None}
        assert deliver(one, [MESSAGE], False, NOW) == {"notice webhook": None}
        assert deliver(one, [], False, NOW) == {}
    assert [(method, path) for method, path, _body in came] == [("GET", "/ping"), ("POST", "/hook")]
    assert json.loads(came[1][2]) == {"text": MESSAGE.text}


def test_whoever_cannot_be_reached_is_a_trouble_and_stops_nothing() -> None:
    found = deliver(board(ping="http://127.0.0.1:9/", webhook="http://127.0.0.1:9/"), [MESSAGE], True, NOW)
    assert {key for key, trouble in found.items() if trouble} == {"notice ping", "notice webhook"}
    [trouble] = deliver(board(mail_file=Path("/nonexistent/mail")), [MESSAGE], True, NOW).values()
    assert trouble and "/nonexistent/mail" in trouble.text


def test_mails_are_added_in_a_form_every_mail_program_reads(tmp_path: Path) -> None:
    one = board(mail_file=tmp_path / "mail")
    for _time in range(2):
        deliver(one, [MESSAGE], False, NOW)
    mails = list(mailbox.mbox(tmp_path / "mail"))
    assert len(mails) == 2
    text = mails[0].get_payload(decode=True)
    assert isinstance(text, bytes) and "あ小学校 共有: 古い" in text.decode()


def test_figures_are_what_a_monitor_can_compare(tmp_path: Path) -> None:
    share = ShareState("a-1", "共有", NOW - timedelta(hours=2), NOW - timedelta(days=9))
    situation = Situation(NOW, (SchoolState("a_es", "あ小学校", (share,)),))
    write_figures(tmp_path / "kdx.prom", situation, (), [Trouble("x", "y", True), Trouble("z", "y")])
    figures = dict(line.rsplit(" ", 1) for line in (tmp_path / "kdx.prom").read_text().splitlines() if line[0] != "#")
    assert figures == {
        "kdx_tick_seconds": f"{NOW.timestamp():.0f}", "kdx_troubles": "2", "kdx_promises_broken": "1",
        'kdx_share_age_seconds{school="a_es",share="a-1"}': "7200",
    }
