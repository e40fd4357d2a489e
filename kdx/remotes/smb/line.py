"""One connection to one share of an SMB server: requests out, answers in, and a new one where it broke.

One per Remote and thread: threads that share a connection run out of its credits (smbprotocol#336, #56). Every answer
is signed or encrypted, and waited for no longer than its patience.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from kdx.config.location import Location
from kdx.config.secret import SecretReference
from kdx.errors import KdxError
from kdx.language import translate
from kdx.remotes.smb import faults, login
from kdx.remotes.interface import PlaceRefused, PlaceSilent
from kdx.remotes.smb.faults import Broken, Refused
from kdx.remotes.smb.login import Entered, Patience

_SIGNED = 0x8


class Answer(NamedTuple):
    """What came back for one request."""

    status: int
    body: bytes

    def must(self, *allowed: int) -> bytes:
        """Return the body of a success, or of one of these. Refused."""
        if self.status and self.status not in allowed:
            raise Refused(self.status)
        return self.body


@dataclass(frozen=True, slots=True)
class Sent:
    """Requests that are on their way, and over which connection."""

    connection: Any
    requests: Sequence[Any]


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What was agreed with a server, for doctor."""

    dialect: str
    encrypted: bool
    is_dfs: bool


class Line:
    """The connection; opened when it is first used, and again after it broke."""

    def __init__(self, location: Location, secret: SecretReference | None, patience: Patience) -> None:
        self.location = location
        self.patience = patience
        self._share, _slash, self.base = location.path.strip("/").partition("/")
        self._secret = secret
        self._entered: Entered | None = None

    def ask(self, *requests: Any) -> list[Answer]:
        """Send requests of one file as one message and wait for the answers: one round trip.

        Only for requests that may be made twice: where the line or session broke, a new one is opened, once.
        PlaceSilent and what enter() raises.
        """
        try:
            return self.take(self.send(*requests))
        except Broken:
            pass
        try:
            return self.take(self.send(*requests))
        except Broken as error:
            raise PlaceSilent(place=self.location, why=translate(error.why)) from error

    def ask_once(self, *requests: Any) -> list[Answer]:
        """The same for requests that must not be made twice. PlaceSilent where the line broke."""
        try:
            return self.take(self.send(*requests))
        except Broken as error:
            raise PlaceSilent(place=self.location, why=translate(error.why)) from error

    def send(self, *requests: Any) -> Sent:
        """Send requests of one file as one message. Broken; what enter() raises."""
        entered = self.enter()
        try:
            sent = entered.connection.send_compound(
                list(requests), entered.session.session_id, entered.tree.tree_connect_id, related=True
            )
        except Exception as error:
            # the library's reader passes on whatever it died of
            self.drop()
            raise Broken() from error
        return Sent(entered.connection, sent)

    def take(self, sent: Sent) -> list[Answer]:
        """Wait for the answers to what was sent, all of them. Broken; PlaceSilent where none comes in time."""
        answers = [self._answer(sent.connection, request) for request in sent.requests]
        if any(answer.status in faults.SESSION_GONE for answer in answers):
            self.drop()
            raise Broken()
        return answers

    def room(self, credits: int) -> bool:
        """Whether requests of so many credits can be sent before an answer is taken."""
        if self._entered is None:
            return False
        window = self._entered.connection.sequence_window
        return bool(window["high"] - window["low"] >= credits)

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._entered is not None

    @property
    def largest(self) -> int:
        """Bytes that one request may move. What enter() raises."""
        return self.enter().largest

    @property
    def facts(self) -> LineFacts:
        """What was agreed. What enter() raises."""
        entered = self.enter()
        number = entered.connection.dialect
        dialect = f"SMB {number >> 8}.{number >> 4 & 15}.{number & 15}"
        return LineFacts(dialect, bool(entered.session.encrypt_data), entered.is_dfs)

    def enter(self) -> Entered:
        """Connect and log in where that was not done. PlaceMissing, PlaceRefused, PlaceSilent, SecretUnreadable."""
        if self._entered is None:
            self._entered = login.enter(self.location, self._share, self._secret, self.patience)
        return self._entered

    def drop(self) -> None:
        """Let go of a connection that is of no use any more, without a word."""
        entered, self._entered = self._entered, None
        if entered is not None:
            login.drop(entered.connection)

    def close(self) -> None:
        """Log off and close; a server that does not answer is left as it is."""
        if self._entered is not None:
            connection = self._entered.connection
            with suppress(KdxError), login.in_time(connection, self.location, self.patience):
                connection.disconnect(timeout=5)
        self.drop()

    def _answer(self, connection: Any, request: Any) -> Answer:
        from smbprotocol.exceptions import SMBResponseException

        entered = self._entered
        if entered is None or connection is not entered.connection:
            raise Broken()
        try:
            header = connection.receive(request, timeout=self.patience.answer, resolve_symlinks=False)
        except SMBResponseException as refusal:
            header = refusal.header
        except Exception as error:
            silent = not request.response_event.is_set()
            self.drop()
            if silent:
                raise PlaceSilent(place=self.location, why=translate(faults.NO_ANSWER)) from error
            raise Broken() from error
        status = header["status"].get_value()
        signed = entered.session.encrypt_data or header["flags"].get_value() & _SIGNED
        if not signed and status not in faults.SESSION_GONE:
            # the library checks a signature that is there, and lets pass an answer without one
            self.drop()
            raise PlaceRefused(place=self.location, why=translate(faults.UNSIGNED))
        return Answer(status, header["data"].get_value())
