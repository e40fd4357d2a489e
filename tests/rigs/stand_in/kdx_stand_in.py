"""A stand-in for `kdx backup`: takes a moment, and seals a snapshot of every share in the ledger as the vault does."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.state.events.event import Event


@dataclass(frozen=True, slots=True)
class Sealed(Event):
    """A snapshot."""

    kind: ClassVar[str] = "snapshot.sealed"
    school: str
    share: str
    share_id: str
    state: str
    started: datetime
    ended: datetime
    new_bytes: int

    @property
    def subject(self) -> str:
        return self.share_id


@click.group(cls=KdxGroup)
def backup() -> None:
    """Stand in for the vault."""


@backup.command()
@click.argument("school")
@click.option("--bandwidth", required=True)
@click.pass_obj
def run(app: Application, school: str, bandwidth: str) -> None:
    """Seal a snapshot."""
    started = app.now()
    time.sleep(0.5)
    for share in app.board.school(school).shares:
        app.record(Sealed(school, share.name, share.id, "complete", started, app.now(), 1000))


@backup.command()
@click.option("--to", required=True)
def copy(to: str) -> None:
    """Copy nothing."""


@backup.command()
def verify() -> None:
    """Verify nothing."""
