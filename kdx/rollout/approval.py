"""Who put a name to what: statements that people sign with their SSH keys, and whether a signature counts.

A statement is one line of JSON: the board, the kind of event and its fields but the signature. It can be signed here
or, where the key is elsewhere or has a passphrase, with `ssh-keygen -Y sign -n kdx-rollout`. A signature counts when
the key stands in inventory/keys under the name of a person whom kdx.yml gives the right, that person's user entered it,
and nobody spoke of the same since it was made: the statement names the event before it (`after`), so what was taken
back is not brought back by the old signature. Whatever counts not is marked wherever it is shown.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from kdx import signing
from kdx.config.model import Board, Person
from kdx.errors import GateClosed
from kdx.language import N_
from kdx.rollout.evidence import Facts
from kdx.rollout.status import SIGNERS_OF_A_WAIVER
from kdx.state.events.rollout import ApprovalGiven, ObservationMade, WaiverGiven
from kdx.state.ledger import Ledger, Recorded

NAMESPACE = "kdx-rollout"
RIGHTS = {ApprovalGiven.kind: "approve", WaiverGiven.kind: "waive", ObservationMade.kind: "examine"}

Signable = TypeVar("Signable", ApprovalGiven, WaiverGiven, ObservationMade)


class NotASigner(GateClosed):
    """A key is not that of a person who may sign this."""

    message = N_("The key {fingerprint} is not that of a person who may {right} here.")
    advice = N_("Its public half goes into inventory/keys under the person's name, the right under roles: in kdx.yml.")


class WrongUser(GateClosed):
    """Somebody enters what another person signed."""

    message = N_("This is signed by {name}, whose user is {user}; it was entered by {actor}.")
    advice = N_("Let {name} enter it, or correct user: under roles: in kdx.yml.")


class WaiverUnsigned(GateClosed):
    """A waiver was to be entered without a signature."""

    message = N_("A waiver is signed by two people; this one has no signature.")
    advice = N_("Name a key with --key, or a signature made with ssh-keygen -Y sign with --signature.")


class OneSigner(GateClosed):
    """There is nobody who could be the second signer of a waiver."""

    message = N_("A waiver needs two people with keys who may waive; there are {count}.")
    advice = N_("Give the right to a second person under roles: in kdx.yml, with a key of their own in inventory/keys.")


def statement(board: str, kind: str, body: dict[str, object]) -> bytes:
    """Return the bytes that are signed."""
    fields = {name: value for name, value in body.items() if name != "signature"}
    return (json.dumps({"board": board, "kind": kind, **fields}, ensure_ascii=False, sort_keys=True) + "\n").encode()


def statement_of(board: str, event: Signable) -> bytes:
    """Return the bytes to sign for an event that is to be."""
    return statement(board, event.kind, event.to_body())


def following(ledger: Ledger, event: Signable) -> Signable:
    """Return the event as the next that speaks of its subject: what is to be signed."""
    last = ledger.present(event.kind, event.subject)
    return replace(event, after=last[0].hash if last else "")


def sign_with(
    board: Board, keys: Sequence[signing.PublicKey], ledger: Ledger, event: Signable, key: signing.SigningKey
) -> Signable:
    """Return the event, signed in the name that the key has in inventory/keys. NotASigner where it has none."""
    person = _person_of(board, keys, key.public, RIGHTS[event.kind])
    # the name first: who signs is a part of what a waiver speaks of
    named = following(ledger, replace(event, signer=person.name))
    return replace(named, signature=signing.sign(key, NAMESPACE, statement_of(board.name, named)))


def refuse_wrong_user(board: Board, name: str, actor: str) -> None:
    """Raise WrongUser where the person who acts is not the one who signed."""
    for person in board.roles:
        if person.name == name and person.user != _user(actor):
            raise WrongUser(name=name, user=person.user, actor=_user(actor))


def refuse_lone_waiver(board: Board, keys: Sequence[signing.PublicKey]) -> None:
    """Raise OneSigner where no second person could sign."""
    names = {person.name for person in board.roles if "waive" in person.may}
    able = {key.fingerprint for key in keys if key.role in names}
    people = {key.role for key in keys if key.role in names}
    if min(len(able), len(people)) < SIGNERS_OF_A_WAIVER:
        raise OneSigner(count=min(len(able), len(people)))


def trusted_events(board: Board, keys: Sequence[signing.PublicKey], facts: Facts) -> dict[int, str]:
    """Return the events whose signature counts -> fingerprint of the key that made it."""
    found = {}
    for event in _signed(facts):
        fingerprint = signature_counts(board, keys, event, facts.before.get(event.id, ""))
        if fingerprint:
            found[event.id] = fingerprint
    return found


def _signed(facts: Facts) -> Iterator[Recorded]:
    groups: Iterable[Iterable[Recorded]] = (
        *(by_office.values() for by_office in facts.approvals.values()),
        *(by_signer.values() for by_signer in facts.waivers.values()),
        *(by_subject.values() for by_subject in facts.observations.values()),
    )
    return (event for group in groups for event in group if event.body.get("signature"))


def signature_counts(board: Board, keys: Sequence[signing.PublicKey], event: Recorded, before: str) -> str:
    """Return the fingerprint of the key that signed an event; "" where the signature does not count.

    `before`: hash of the event before it that speaks of the same, "" where there is none.
    """
    name = event.body.get("signer")
    person = next((one for one in board.roles if one.name == name), None)
    if event.body.get("after", "") != before:
        return ""
    if person is None or RIGHTS[event.kind] not in person.may or person.user != _user(event.actor):
        return ""
    message = statement(board.name, event.kind, event.body)
    try:
        theirs = [key for key in keys if key.role == name]
        return signing.verify(theirs, NAMESPACE, message, str(event.body["signature"]), event.time).fingerprint
    except (signing.SignatureWrong, signing.KeyUnlisted):
        return ""


def _person_of(board: Board, keys: Sequence[signing.PublicKey], key: signing.PublicKey, right: str) -> Person:
    names = [one.role for one in keys if one.blob == key.blob]
    for person in board.roles:
        if person.name in names and right in person.may:
            return person
    raise NotASigner(fingerprint=key.fingerprint, right=right)


def _user(actor: str) -> str:
    """Return the user of an actor, who is written user@host."""
    return actor.rpartition("@")[0] or actor
