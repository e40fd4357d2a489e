"""The rclone that works for this process: one `rclone rcd`, asked over a socket that nobody else can open.

One program for a whole run, because starting rclone costs more than sending a small file. It is started by a list of
words, never through a shell; names travel in the bodies of requests, so that none ever stands in a list of processes;
its credentials are drawn anew each time and given by the environment. It ends with this process, however that ends.
"""

import atexit
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kdx.config.model import Network
from kdx.remotes.network import for_rclone
from kdx.remotes.rclone.held import folder_in_memory, forget_the_dead
from kdx.remotes.rclone.program import usable_rclone

START_SECONDS = 30.0
END_SECONDS = 5.0
PATIENT, HURRIED = 900.0, 20.0
"""Seconds until an answer is given up. rclone tries again before that, and waits as long as a service asks."""
CHUNK = 1 << 20

SETTINGS = {
    "RCLONE_RC_SERVE": "true",
    "RCLONE_ASK_PASSWORD": "false",
    "RCLONE_NO_UNICODE_NORMALIZATION": "true",
    "RCLONE_LOW_LEVEL_RETRIES": "6",
    "RCLONE_CONTIMEOUT": "15s",
    "RCLONE_TIMEOUT": "60s",
    "RCLONE_STATS": "0",
    "RCLONE_LOG_LEVEL": "NOTICE",
    # many small requests leave much to tidy up: four times the memory in use instead of twice, for a tenth less work
    "GOGC": "400",
}
"""What kdx decides. ガ and カ + ゛ are two names; a password is never asked for where nobody sits."""


class Refused(Exception):
    """rclone's own words about why something was not done. Never leaves kdx.remotes."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Gone(Exception):
    """rclone ended, or does not answer in time. Never leaves kdx.remotes."""


class Engine:
    """One running rclone. Threads may share it."""

    def __init__(self, network: Network) -> None:
        """RcloneMissing, RcloneUnusable; Gone where it does not start."""
        program = usable_rclone()
        self.folder = folder_in_memory()
        """Open to nobody else; for what rclone is to find, names among it, and gone with it."""
        self._user, self._password = secrets.token_hex(16), secrets.token_hex(32)
        self._free: deque[_Connection] = deque()
        self._said: deque[str] = deque(maxlen=20)
        self._started, self._ended = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        variables = {**os.environ, **SETTINGS, **for_rclone(network), **self._credentials()}
        # kept by a thread of its own: the kernel ends rclone when the thread that started it ends
        threading.Thread(target=self._keep, args=(program, variables), daemon=True, name="kdx-rclone").start()
        try:
            self._wait()
        except BaseException:
            self.end()
            raise

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""
        return not self._ended.is_set()

    def call(self, command: str, patience: float = PATIENT, /, **parameters: Any) -> dict[str, Any]:
        """Ask for one thing and return the answer. Refused, Gone."""
        body = json.dumps(parameters)
        with self._asked("POST", f"/{command}", patience, body, {"Content-Type": "application/json"}) as answer:
            said = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise Refused(answer.status, str(said.get("error", "")))
        return dict(said)

    @contextmanager
    def opened(
        self, fs: str, path: str, start: int, patience: float = PATIENT
    ) -> Iterator[http.client.HTTPResponse]:
        """Open a file from an offset; the answer's head says how large it is and when it was changed. Refused, Gone."""
        where = f"/{quote(f'[{fs}]', safe='')}/{quote(path, safe='/')}"
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._asked("GET", where, patience, None, headers) as answer:
            if answer.status not in (http.client.OK, http.client.PARTIAL_CONTENT):
                raise Refused(answer.status, _reason(answer.read()))
            yield answer

    def end(self) -> None:
        """Let it finish what it must not leave half done, and end it."""
        if self._process is not None:
            self._process.terminate()
            if not self._ended.wait(END_SECONDS):
                self._process.kill()
                self._ended.wait(END_SECONDS)
        while self._free:
            self._free.pop().close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, program: Path, variables: Mapping[str, str]) -> None:
        bound = shutil.which("setpriv")
        words = [bound, "--pdeathsig", "TERM", "--"] if bound else []
        try:
            self._process = subprocess.Popen(
                [*words, str(program), "rcd"], env=variables, cwd="/", start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            self._started.set()
            assert self._process.stderr is not None
            for line in self._process.stderr:
                self._said.append(line.decode("utf-8", "replace").strip())
            self._process.wait()
        except OSError as error:
            self._said.append(str(error.strerror))
        finally:
            self._ended.set()
            self._started.set()

    def _credentials(self) -> dict[str, str]:
        return {
            "RCLONE_RC_ADDR": f"unix://{self.folder}/socket",
            "RCLONE_RC_USER": self._user,
            "RCLONE_RC_PASS": self._password,
        }

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            with suppress(Gone):
                self.call("rc/noop", HURRIED)
                return
            if self._ended.is_set() or time.monotonic() > end:
                raise Gone(" ".join(self._said))
            time.sleep(0.02)

    @contextmanager
    def _asked(
        self, method: str, where: str, patience: float, body: str | None, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        done = False
        try:
            connection.timeout = patience
            pair = b64encode(f"{self._user}:{self._password}".encode()).decode()
            all_headers = {**headers, "Authorization": f"Basic {pair}"}
            try:
                answer = connection.ask(method, where, body, all_headers)
            except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
                # one that lay idle may have been closed meanwhile, and the next one is new
                connection.close()
                answer = connection.ask(method, where, body, all_headers)
            yield answer
            done = answer.isclosed()
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            raise Gone(str(error) or type(error).__name__) from error
        finally:
            # one that was not read to its end cannot be asked again
            if done:
                self._free.append(connection)
            else:
                connection.close()

    def _connection(self) -> "_Connection":
        with suppress(IndexError):
            return self._free.pop()
        return _Connection(f"{self.folder}/socket")


def _reason(body: bytes) -> str:
    """Return the reason in an answer that is no file; its other members repeat names, in which anything may stand."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket in a folder."""

    def __init__(self, path: str) -> None:
        super().__init__("rclone")
        self._path = path

    def ask(
        self, method: str, where: str, body: str | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Send a request and return the head of its answer. OSError, HTTPException."""
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        self.request(method, where, body, headers)
        return self.getresponse()

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


_Key = tuple[int, Network, tuple[tuple[str, str], ...]]
_engines: dict[_Key, list[Engine]] = {}
"""The last one works; threads may still be busy in the folder of one before it that ended."""
_starting = threading.Lock()


def engine_for(network: Network) -> Engine:
    """Return the rclone of this process, started where there is none or the last one ended. Gone, RcloneUnusable."""
    # a process that was forked off has connections of its own; another configuration is another rclone
    said = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("RCLONE_")))
    key = (os.getpid(), network, said)
    with _starting:
        engines = _engines.setdefault(key, [])
        if not engines or not engines[-1].is_running:
            engines.append(Engine(network))
        return engines[-1]


@atexit.register
def end_engines() -> None:
    """End every rclone that this process started. Workers are killed and can end nothing, so it forgets for them."""
    with _starting:
        for key in list(_engines):
            engines = _engines.pop(key)
            for engine in engines if key[0] == os.getpid() else ():
                engine.end()
    forget_the_dead()
