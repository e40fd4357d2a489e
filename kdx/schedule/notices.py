"""Tell the outside: dead man's ping, webhook, mail file, figures for a monitor. Options of the board, none by default.

Whatever cannot be told is a trouble of its own, never a reason to stop.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from kdx.config.model import Board
from kdx.hazard.fetch import together, write_whole
from kdx.hazard.items import KNOWN, FeedUnclear
from kdx.hazard.memory import Outcome
from kdx.language import _
from kdx.schedule.situation import Situation
from kdx.schedule.troubles import Message, Trouble

SECONDS = 5
KEY = "notice "
"""What the keys of troubles with telling begin with."""


def deliver(board: Board, messages: Sequence[Message], well: bool, now: datetime) -> dict[str, Trouble | None]:
    """Hand messages on, and ping where all went well. Returns for each way that was tried what is wrong with it."""
    rules = board.schedule
    tried: dict[str, Trouble | None] = {}
    if messages and rules.mail_file:
        tried[f"{KEY}mail_file"] = None
        try:
            _append_mail(rules.mail_file, board.name, messages, now)
        except OSError as error:
            text = _("the mail file {path} cannot be written: {why}")
            tried[f"{KEY}mail_file"] = Trouble(
                f"{KEY}mail_file", text.format(path=rules.mail_file, why=error.strerror)
            )
    body = json.dumps({"text": "\n".join(message.text for message in messages)}, ensure_ascii=False).encode()
    calls = {"webhook": (rules.webhook, body)} if messages and rules.webhook else {}
    tasks = {name: _call(board, url, sent) for name, (url, sent) in calls.items()}
    if well and rules.ping:
        tasks["ping"] = _call(board, rules.ping, None)
    for name, answer in together(tasks, SECONDS + 1).items():
        text = _("the address under {key} in kdx.yml cannot be reached").format(key=f"schedule.{name}")
        tried[KEY + name] = Trouble(KEY + name, text) if isinstance(answer, FeedUnclear) else None
    return tried


def _call(board: Board, url: str, body: bytes | None) -> Callable[[], int]:
    def call() -> int:
        from urllib.request import Request

        from kdx.remotes.network import for_urllib

        request = Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})
        with for_urllib(board.network).open(request, timeout=SECONDS) as answer:
            return int(answer.status)

    return call


def _append_mail(path: Path, sender: str, messages: Iterable[Message], now: datetime) -> None:
    """Add one mail in mbox form."""
    texts = [message.text for message in messages]
    mail = EmailMessage()
    mail["From"] = "kdx"
    mail["Subject"] = f"kdx {sender}: {texts[0][:80]}".replace("\n", " ")
    mail["Date"] = format_datetime(now)
    mail.set_content("\n".join(texts))
    lines = mail.as_bytes().replace(b"\nFrom ", b"\n>From ")
    with path.open("ab") as file:
        file.write(f"From kdx {now:%a %b %d %H:%M:%S %Y}\n".encode() + lines + b"\n")


def write_figures(path: Path, situation: Situation, weather: Iterable[Outcome], troubles: Sequence[Trouble]) -> None:
    """Write figures in Prometheus' text form, whole."""
    now = situation.now
    lines = ["# TYPE kdx_tick_seconds gauge", f"kdx_tick_seconds {now.timestamp():.0f}",
             "# TYPE kdx_troubles gauge", f"kdx_troubles {len(troubles)}",
             "# TYPE kdx_promises_broken gauge", f"kdx_promises_broken {sum(one.breaks_promise for one in troubles)}",
             "# TYPE kdx_share_age_seconds gauge"]
    for state in situation.watched:
        for share in state.shares:
            age = (now - share.since).total_seconds()
            lines.append(f'kdx_share_age_seconds{{school="{state.id}",share="{share.id}"}} {age:.0f}')
    lines.append("# TYPE kdx_hazard_level gauge")
    for found in weather:
        standing = found.standing
        known = "0" if standing.doubts else "1"
        level = KNOWN.index(standing.acts_as)
        lines.append(f'kdx_hazard_level{{school="{standing.school}",known="{known}"}} {level}')
    write_whole(path, ("\n".join(lines) + "\n").encode())
    with contextlib.suppress(OSError):
        os.chmod(path, 0o644)
