"""The migration receipt: signed facts about what was moved and how it was proven, and the check of one.

`receipt.json` holds {"receipt": facts, "signature": …}; the signature covers the facts as compact JSON with sorted
keys, so that `jq -cSj .receipt` and `ssh-keygen -Y verify -n kdx-receipt` can check it without kdx. The facts name the
SHA-256 of the other two files. Nothing is taken from memory: every number comes from the last verification.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from kdx import signing
from kdx.errors import DifferenceFound, UsageMistake
from kdx.inventory.names import readable
from kdx.language import N_
from kdx.remotes.interface import Kind
from kdx.transfer.records import Records
from kdx.transfer.verify import ALTERED_THERE, WRONG, Outcome

FORMAT = "kdx-receipt-1"
NAMESPACE = "kdx-receipt"
SIGNERS = ("board", "")
"""Roles whose keys may sign a receipt; a key that was given by hand has none."""
RECEIPT, SUMS, PAGE = "receipt.json", "SHA256SUMS", "receipt.html"

THERE = ALTERED_THERE | {Outcome.PROVEN, Outcome.LISTED}
"""What a reader may look for under its new name."""

Facts = dict[str, Any]


class ReceiptUnreadable(UsageMistake):
    """What was given to check is not a receipt."""

    message = N_("{path} is not a migration receipt: {why}.")
    advice = N_("Give the receipt.json that kdx migrate receipt wrote.")


class ReceiptFalse(DifferenceFound):
    """A receipt, or a file it vouches for, is not what was signed."""

    message = N_("The receipt {path} does not hold: {why}.")
    advice = N_("Do not rely on it. Issue a new one from the records: kdx migrate receipt.")


class FileChanged(ReceiptFalse):
    """A file that a receipt vouches for is not what was signed."""

    message = N_("{name} beside the receipt {path} is not what was signed.")


@dataclass(frozen=True, slots=True)
class Held:
    """A receipt that held: who signed it, and which of its files lay beside it and were right."""

    key: signing.PublicKey
    facts: Facts
    files: tuple[str, ...]
    absent: tuple[str, ...]
    """Files it vouches for that did not lie beside it: not looked at."""


def share_facts(records: Records) -> Facts:
    """Return what a receipt says of one share: counts, bytes, how proven, and every exception by name."""
    counts: Counter[str] = Counter()
    how: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    by_rule: Counter[str] = Counter()
    size = 0
    skipped: list[dict[str, str]] = []
    renamed: list[dict[str, str]] = []
    for row in records.checked():
        counts[row.outcome] += 1
        if row.how:
            how[row.how] += 1
        if row.outcome == Outcome.PROVEN:
            kinds[row.kind] += 1
            size += row.size
        if row.outcome == Outcome.RULE:
            by_rule[row.why] += 1
        if row.outcome not in (Outcome.PROVEN, Outcome.LISTED, Outcome.CARRIED):
            skipped.append({"path": readable(row.path or row.target), "outcome": row.outcome, "why": row.why})
        if row.renamed and row.outcome in THERE:
            renamed.append({"from": readable(row.path), "from_bytes": os.fsencode(row.path).hex(), "to": row.target})
    return {
        "entries": dict(sorted(counts.items())),
        "bytes": size,
        "kinds": dict(sorted(kinds.items())),
        "proven": dict(sorted(how.items())),
        "left_by_rule": dict(sorted(by_rule.items())),
        "skipped": skipped,
        "renamed": renamed,
        **_decisions(records),
    }


def _decisions(records: Records) -> Facts:
    """Return what people decided, and from which file; nothing where nobody was asked."""
    about = records.about_decisions()
    if not about:
        return {}
    entries = [{**row._asdict(), "path": readable(row.path)} for row in records.decided().values()]
    return {"decisions": {"file": about["file"], "file_sha256": about["file_sha256"], "entries": entries}}


def sums(share: str, records: Records) -> Iterator[bytes]:
    """Yield the SHA256SUMS lines of one share, for `sha256sum -c` beside a downloaded copy of the school's folder.

    The digests are those of the bytes read at the source.
    """
    for row in records.checked(Outcome.PROVEN, Outcome.LISTED, Outcome.UNPROVEN):
        if row.kind == Kind.FILE and row.sha256:
            yield _sums_line(row.sha256.hex(), os.fsencode(f"{share}/{row.target}"))


def is_whole(facts: Facts) -> bool:
    """Whether every entry of every share is proven or left by rule."""
    good = {Outcome.PROVEN, Outcome.RULE, Outcome.CARRIED, Outcome.EXTRA, Outcome.FOREIGN}
    return all(set(share["entries"]) <= good for share in facts["shares"])


def is_wrong(facts: Facts) -> bool:
    """Whether a share holds a difference: no receipt is issued over one."""
    return any(set(share["entries"]) & WRONG for share in facts["shares"])


def sealed(facts: Facts, key: signing.SigningKey) -> bytes:
    """Return the bytes of receipt.json: the facts and their signature."""
    signature = signing.sign(key, NAMESPACE, _canonical(facts))
    return _rendered({"receipt": facts, "signature": signature})


def check(path: Path, keys: Sequence[signing.PublicKey]) -> Held:
    """Check a receipt and the files beside it. ReceiptFalse says what does not hold; `keys` are all that is trusted."""
    document = _read(path)
    facts = document["receipt"]
    try:
        issued = datetime.fromisoformat(facts["issued"])
        trusted = [key for key in keys if key.role in SIGNERS]
        key = signing.verify(trusted, NAMESPACE, _canonical(facts), document["signature"], issued)
    except signing.SignatureWrong as error:
        raise ReceiptFalse(path=path, why=N_("the signature does not fit what it says")) from error
    except signing.KeyUnlisted as error:
        raise ReceiptFalse(path=path, why=N_("it is signed with a key that is not trusted here")) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReceiptFalse(path=path, why=N_("a part of it is missing or malformed")) from error
    if facts["format"] != FORMAT:
        # only now: a changed byte here is a change like any other
        raise ReceiptUnreadable(path=path, why=N_("its format is of another version of kdx"))
    here, absent = [], []
    for file in facts["files"]:
        beside = path.with_name(file["name"])
        if not beside.exists():
            absent.append(file["name"])
        elif sha256_of(beside) != file["sha256"]:
            raise FileChanged(path=path, name=file["name"])
        else:
            here.append(file["name"])
    return Held(key, facts, tuple(here), tuple(absent))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
    except OSError as error:
        raise ReceiptUnreadable(path=path, why=error.strerror) from error
    except ValueError as error:
        raise ReceiptFalse(path=path, why=N_("it is not valid JSON any more")) from error
    if not isinstance(document, dict) or set(document) != {"receipt", "signature"}:
        raise ReceiptFalse(path=path, why=N_("it is not a receipt and its signature"))
    try:
        text = _rendered(document)
    except UnicodeEncodeError as error:
        # half a character, which JSON can write and nothing else can: \ud800
        raise ReceiptFalse(path=path, why=N_("its text was changed")) from error
    if raw != text:
        raise ReceiptFalse(path=path, why=N_("its text was changed"))
    if not isinstance(document["receipt"], dict):
        raise ReceiptFalse(path=path, why=N_("it holds no facts"))
    return document


def _canonical(facts: Facts) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _rendered(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"


def _sums_line(digest: str, name: bytes) -> bytes:
    """One line as GNU sha256sum writes it: names with newline, return or backslash are escaped and marked."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name else b""
    return mark + digest.encode("ascii") + b"  " + escaped + b"\n"
