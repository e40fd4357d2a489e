"""What people write down about the rollout, checked before it is kept: counts, files, signatures."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kdx import signing
from kdx.config.model import Board
from kdx.errors import UsageMistake
from kdx.language import N_
from kdx.rollout.approval import (
    Signable,
    WaiverUnsigned,
    following,
    refuse_lone_waiver,
    refuse_wrong_user,
    sign_with,
    signature_counts,
)
from kdx.rollout.stream import Milestone
from kdx.state.events.rollout import WaiverGiven
from kdx.state.ledger import Ledger, Recorded

_COUNT = re.compile(r"([0-9]{1,7})/([0-9]{1,7})")
_WIDE = str.maketrans("０１２３４５６７８９／", "0123456789/")


class CountUnclear(UsageMistake):
    """A count is not so many of so many."""

    message = N_("The count {text!r} is not understood.")
    advice = N_("Write how many of how many, such as 38/42; the first is never the greater.")


class FileUnread(UsageMistake):
    """A file that was named cannot be read."""

    message = N_("The file {path} cannot be read: {why}.")
    advice = N_("Name a file that this user may read.")


class SignatureRefused(UsageMistake):
    """A signature that was handed over does not count."""

    message = N_("The signature does not count: it is not {name}'s over exactly this, or {name} has not the right.")
    advice = N_("Sign the line that the same command prints with --dry-run: ssh-keygen -Y sign -n kdx-rollout.")


class OfficeNotAsked(UsageMistake):
    """An approval was to be entered that a milestone does not ask for."""

    message = N_("{milestone} does not ask for an approval by {office}.")
    advice = N_("It asks for: {known}.")


@dataclass(frozen=True, slots=True)
class Signing:
    """How something is signed: with a key here, or by a signature made elsewhere in a person's name; or not at all."""

    key: Path | None = None
    signature: Path | None = None
    signer: str = ""


def parse_count(text: str | None) -> tuple[int | None, int | None]:
    """Return numerator and denominator of 38/42; full-width digits too. CountUnclear where it is neither."""
    if not text:
        return None, None
    found = _COUNT.fullmatch(text.translate(_WIDE).replace(" ", ""))
    if not found or int(found[1]) > int(found[2]):
        raise CountUnclear(text=text)
    return int(found[1]), int(found[2])


def refuse_other_office(milestone: Milestone, office: str) -> None:
    """Raise OfficeNotAsked where an approval by this office would open and end nothing."""
    asked = [name for name in (milestone.before.approval, milestone.approval) if name]
    if office not in asked:
        raise OfficeNotAsked(milestone=milestone.label, office=office, known=", ".join(asked) or "-")


def digest_of(path: Path | None) -> str:
    """Return the SHA-256 of a file, hexadecimal; "" where none was named."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnread(path=path, why=error.strerror) from error


def sign(board: Board, ledger: Ledger, event: Signable, how: Signing, actor: str, now: datetime) -> Signable:
    """Return the event as it is to be kept: signed, or unsigned and marked as such wherever it is shown.

    A waiver is never kept unsigned, and not where nobody could be its second signer. SignatureRefused where a signature
    made elsewhere would not count once it is kept.
    """
    keys = signing.load_public_keys(board.folder / "keys")
    if isinstance(event, WaiverGiven):
        refuse_lone_waiver(board, keys)
    if how.key:
        signed = sign_with(board, keys, ledger, event, signing.load_private_key(how.key.parent, how.key.name))
        refuse_wrong_user(board, signed.signer, actor)
        return signed
    if how.signature:
        named = following(ledger, replace(event, signer=how.signer))
        signed = replace(named, signature=_read(how.signature))
        refuse_wrong_user(board, signed.signer, actor)
        kept = Recorded(0, now, actor, "", signed.kind, signed.subject, signed.to_body(), "")
        if not signature_counts(board, keys, kept, signed.after):
            raise SignatureRefused(name=how.signer)
        return signed
    if isinstance(event, WaiverGiven):
        raise WaiverUnsigned()
    return event


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError as error:
        raise FileUnread(path=path, why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise FileUnread(path=path, why=N_("it is not a signature")) from error
