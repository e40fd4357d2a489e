"""The one line in cron or systemd: written, found, taken away, and tried first as cron would run it.

Only kdx's own marked block, or its own files, are ever touched; every other line of a crontab stays byte for byte.
"""

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdx.errors import ConfigurationError, GateClosed
from kdx.hazard.fetch import write_whole
from kdx.language import N_, _

BEGIN, END = "# >>> kdx schedule >>>", "# <<< kdx schedule <<<"
CRON_D = Path("/etc/cron.d/kdx")
UNITS = Path("/etc/systemd/system")
SERVICE, TIMER = "kdx-schedule.service", "kdx-schedule.timer"
MINUTES = 5
BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
"""What cron gives a command, beside HOME and LOGNAME (crontab(5))."""
SECONDS = 120


class LineFails(GateClosed):
    """The line does not work in the bare environment it will run in."""

    message = N_("The line does not work as {user} without an environment: it ended with {code}. It said: {said}")
    advice = N_("Mend what it says, and run kdx schedule install again; nothing was installed.")


class BlockUnfinished(ConfigurationError):
    """kdx's block in a crontab has lost its last line; everything below would go with it."""

    message = N_("kdx's block in the crontab begins and does not end.")
    advice = N_("Put the line {end} back below kdx's own line (crontab -e), or take {begin} and that line out.")


class TimerUnwritable(ConfigurationError):
    """The crontab or a unit file could not be written, or was refused."""

    message = N_("{place} cannot be written: {why}.")
    advice = N_("Install cron, run this as the right user (root for cron.d and systemd), or choose another with --use.")


@dataclass(frozen=True, slots=True)
class Line:
    """What is to run, and as whom."""

    inventory: Path
    state: Path
    user: str
    minutes: int = MINUTES

    @property
    def words(self) -> list[str]:
        """The command without a shell."""
        return [sys.executable, "-m", "kdx", "--inventory", str(self.inventory), "--state", str(self.state),
                "schedule", "run"]

    @property
    def shell(self) -> str:
        """The command as /bin/sh reads it."""
        return shlex.join(self.words)

    def cron(self, with_user: bool = False) -> str:
        """The line of a crontab; % is a newline there unless it is escaped."""
        user = f"{self.user} " if with_user else ""
        return f"*/{self.minutes} * * * * {user}{self.shell}".replace("%", "\\%")

    def cron_file(self) -> str:
        """The file for /etc/cron.d."""
        return f"{BEGIN}\n{self.cron(with_user=True)}\n{END}\n"

    def service(self) -> str:
        """The systemd service. Jobs outlive the tick that started them, so only the tick itself is ended."""
        command = " ".join(_systemd(word) for word in self.words)
        return (
            f"[Unit]\nDescription=kdx schedule: start the backups that are due\n\n[Service]\nType=oneshot\n"
            f"User={self.user}\nExecStart={command}\nKillMode=process\nTimeoutStartSec=300\n"
        )

    def timer(self) -> str:
        """The systemd timer; Persistent makes up for ticks missed while the machine was off."""
        return (
            f"[Unit]\nDescription=kdx schedule, every {self.minutes} minutes\n\n[Timer]\n"
            f"OnCalendar=*:0/{self.minutes}\nPersistent=true\nAccuracySec=10s\n\n[Install]\nWantedBy=timers.target\n"
        )


def _systemd(word: str) -> str:
    """Return a word as ExecStart reads it: % and $ doubled, quoted where needed."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return word if re.fullmatch(r"[\w./:@%+=,-]+", word) else f'"{word}"'


def try_line(line: Line) -> None:
    """Run the line once with --dry-run, as its user and with nothing but what cron gives. LineFails."""
    person = pwd.getpwnam(line.user)
    environment = {**BARE, "HOME": person.pw_dir, "LOGNAME": line.user}
    command = ["/bin/sh", "-c", f"{line.shell} --dry-run --quiet"]
    other = person.pw_uid != os.geteuid()
    try:
        answer = subprocess.run(
            command, env=environment, cwd=person.pw_dir if os.path.isdir(person.pw_dir) else "/",
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False,
            user=person.pw_uid if other else None, group=person.pw_gid if other else None,
            extra_groups=os.getgrouplist(line.user, person.pw_gid) if other else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LineFails(user=line.user, code="-", said=str(error)) from error
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise LineFails(user=line.user, code=answer.returncode, said=" ".join(said[:3]) or "-")


def with_block(crontab: str, line: str | None) -> str:
    """Return a crontab with kdx's block replaced by `line`, or without it; every other line stays as it is.

    BlockUnfinished where it does not end: whose the lines after its beginning are, nobody can tell.
    """
    kept, inside = [], False
    for one in crontab.splitlines(keepends=True):
        inside = inside or one.rstrip("\n") == BEGIN
        if not inside:
            kept.append(one)
        if one.rstrip("\n") == END:
            inside = False
    if inside:
        raise BlockUnfinished(begin=BEGIN, end=END)
    text = "".join(kept)
    if line is None:
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}{BEGIN}\n{line}\n{END}\n"


def read_crontab(user: str) -> str:
    """Return a user's crontab; "" where there is none. TimerUnwritable where there is no cron."""
    answer = _crontab(user, "-l")
    return answer.stdout.decode("utf-8", "surrogateescape") if answer.returncode == 0 else ""


def write_crontab(user: str, text: str) -> None:
    """Replace a user's crontab whole. cron checks it first and refuses what it cannot read: TimerUnwritable."""
    answer = _crontab(user, "-", content=text.encode("utf-8", "surrogateescape"))
    if answer.returncode:
        raise TimerUnwritable(place="crontab", why=answer.stderr.decode("utf-8", "replace").strip() or "-")


def _crontab(user: str, *words: str, content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("crontab", path="/usr/bin:/bin:/usr/local/bin")
    if program is None:
        raise TimerUnwritable(place="crontab", why=N_("cron is not installed"))
    whose = ["-u", user] if os.geteuid() == 0 else []
    return subprocess.run(
        [program, *whose, *words], input=content, capture_output=True, timeout=SECONDS, check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


def install(line: Line, use: str, folder: Path | None = None) -> list[str]:
    """Write the timer and return where. `use`: cron, cron.d or systemd; `folder` stands in for the system's own."""
    if use == "cron":
        write_crontab(line.user, with_block(read_crontab(line.user), line.cron()))
        return [f"crontab {line.user}"]
    if use == "cron.d":
        return [_write((folder or CRON_D.parent) / CRON_D.name, line.cron_file())]
    places = [_write((folder or UNITS) / SERVICE, line.service()), _write((folder or UNITS) / TIMER, line.timer())]
    _verify(places)
    if folder is None:
        _systemctl("daemon-reload")
        _systemctl("enable", "--now", TIMER)
    return places


def remove(user: str, folder: Path | None = None) -> list[str]:
    """Take away whatever install() wrote, and return where it was."""
    gone = []
    if folder is None and shutil.which("crontab"):
        crontab = read_crontab(user)
        if BEGIN in crontab.splitlines():
            write_crontab(user, with_block(crontab, None))
            gone.append(f"crontab {user}")
    if folder is None and (UNITS / TIMER).exists():
        _systemctl("disable", "--now", TIMER)
    for path in _files(folder):
        if path.exists():
            try:
                path.unlink()
            except OSError as error:
                raise TimerUnwritable(place=path, why=error.strerror) from error
            gone.append(str(path))
    return gone


def installed(user: str, folder: Path | None = None) -> list[str]:
    """Return where the line stands: lines of cron, names of unit files."""
    found = []
    if folder is None and shutil.which("crontab"):
        lines = read_crontab(user).splitlines()
        if BEGIN in lines:
            found += lines[lines.index(BEGIN) + 1:][:1]
    return found + [str(path) for path in _files(folder) if path.exists()]


def _files(folder: Path | None) -> list[Path]:
    return [(folder or CRON_D.parent) / CRON_D.name, (folder or UNITS) / SERVICE, (folder or UNITS) / TIMER]


def _write(path: Path, text: str) -> str:
    write_whole(path, text.encode())
    try:
        if path.read_text("utf-8") != text:
            raise TimerUnwritable(place=path, why=_("it is not what was written"))
        path.chmod(0o644)
    except OSError as error:
        raise TimerUnwritable(place=path, why=error.strerror) from error
    return str(path)


def _verify(units: Sequence[str]) -> None:
    """Let systemd read the units where it is there."""
    program = shutil.which("systemd-analyze")
    if program:
        answer = subprocess.run(
            [program, "verify", *units], capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL
        )
        if answer.returncode:
            raise TimerUnwritable(place=units[0], why=answer.stderr.decode("utf-8", "replace").strip())


def _systemctl(*words: str) -> None:
    try:
        answer = subprocess.run(["systemctl", *words], capture_output=True, timeout=SECONDS, check=False)
    except OSError as error:
        raise TimerUnwritable(place="systemd", why=error.strerror) from error
    if answer.returncode:
        raise TimerUnwritable(place="systemd", why=answer.stderr.decode("utf-8", "replace").strip())
