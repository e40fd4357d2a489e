"""Who may do what in the bucket of a vault: the least each role needs, as documents that stores understand. Pure.

Nobody may lift a lock, hide or delete by name, or change what the bucket keeps: that is left to whoever owns the
account. The actions are those of AWS's service authorization reference for S3, of which Ceph's gateway knows these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kdx.backup.format.names import ABOUT, BOARD, MANIFESTS, PACKS, REFERENCES, SEAL, SEGMENTS
from kdx.config.location import Location
from kdx.language import N_
from kdx.remotes.key_trials import FOLDER, Ground

VERSION = "2012-10-17"
"""Of the policy language, not of a day."""

LIST = ("s3:ListBucket", "s3:ListBucketVersions")
READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention")
ASK = ("s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration")
WRITE = ("s3:PutObject",)
REMOVE = ("s3:DeleteObjectVersion",)
EXTEND = ("s3:PutObjectRetention",)
NEVER = (
    "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:PutObjectLegalHold", "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration", "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy", "s3:DeleteBucket",
)
"""What no role may, whatever else is ever given to it: a denial outweighs every permission."""


class Role(StrEnum):
    """Who holds a key."""

    SCHOOL = "school"
    """A machine that backs up one school, or all of them: writes and reads their parts."""
    BOARD = "board"
    """Sweeps, extends locks, signs notes; its key is not on a machine that runs cron for the schools."""
    AUDITOR = "auditor"
    """Reads, and compares locks with what was asked for."""


ROLES = {
    Role.SCHOOL: N_("stores and reads its own part; cannot delete, lift or shorten anything"),
    Role.BOARD: N_("reads and writes notes, sweeps what no lock holds, extends locks; cannot lift or shorten any"),
    Role.AUDITOR: N_("reads, and compares the locks with what was asked for; changes nothing"),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """One key: its role, and the school it is for; "" is the one machine that backs up every school."""

    role: Role
    school: str = ""

    @property
    def name(self) -> str:
        """What its user is called at the store, and its document here."""
        if self.role == Role.SCHOOL:
            return f"kdx-school-{self.school}" if self.school else "kdx-all-schools"
        return f"kdx-{self.role}"

    def unit(self, vault: Location) -> str:
        """Return the prefix it works in, with a slash behind it."""
        return f"{_prefix(vault)}schools/{self.school}/" if self.school else f"{_prefix(vault)}schools/"

    def ground(self, vault: Location, schools: Sequence[str]) -> Ground:
        """Return where its key is tried, given the schools of the board: in its own part, and in one it has no part in.

        What may read everything is tried in the first school's part and the board's.
        """
        top = _prefix(vault)
        own = self.school or schools[0]
        others = [school for school in schools if self.school not in ("", school)]
        other = f"schools/{others[0]}/" if others else f"{BOARD}/"
        return Ground(f"{top}schools/{own}/", f"{top}{other}", f"{top}{ABOUT}")


def parts(vault: Location, schools: Iterable[str]) -> list[str]:
    """Return the prefix of every part of a vault, that of the board itself last."""
    top = _prefix(vault)
    return [*(f"{top}schools/{school}/" for school in schools), f"{top}{BOARD}/"]


def holders(schools: Iterable[str]) -> list[Holder]:
    """Return everybody who may hold a key: the machine of each school, that of all of them, board and auditor."""
    each = [Holder(Role.SCHOOL, school) for school in schools]
    return [*each, *(Holder(role) for role in Role)]


def _prefix(vault: Location) -> str:
    return f"{vault.path}/" if vault.path else ""


def user_policy(vault: Location, holder: Holder) -> dict[str, Any]:
    """Return what a user with this role may do, as a policy to be attached to it (AWS IAM)."""
    return {"Version": VERSION, "Statement": _statements(vault, holder)}


def bucket_policy(vault: Location, users: Sequence[Holder]) -> dict[str, Any]:
    """Return the same of all users as one policy of the bucket, for stores that know users and no policies of theirs.

    The users are named as Ceph names those without a tenant.
    """
    statements = [
        {"Sid": f"{holder.name}-{number}", "Principal": {"AWS": [f"arn:aws:iam:::user/{holder.name}"]}, **statement}
        for holder in users
        for number, statement in enumerate(_statements(vault, holder))
    ]
    return {"Version": VERSION, "Statement": statements}


def _statements(vault: Location, holder: Holder) -> list[dict[str, Any]]:
    bucket, top = f"arn:aws:s3:::{vault.host}", _prefix(vault)
    if holder.role == Role.SCHOOL:
        unit = holder.unit(vault)
        below = [f"{unit}*", f"{top}{ABOUT}"]
        writable = [f"{unit}{inside}" for inside in _written_by_runs(every_school=not holder.school)]
        return [
            _allow(ASK, bucket),
            _allow(LIST, bucket, condition={"StringLike": {"s3:prefix": below}}),
            _allow(READ, *_objects(bucket, below)),
            _allow(WRITE, *_objects(bucket, writable)),
            *_no_writing_over(vault, _objects(bucket, [f"{unit}*"])),
            _deny((*NEVER, *REMOVE, *EXTEND), bucket, f"{bucket}/*"),
        ]
    everything = [f"{top}*"] if top else ["*"]
    found = [
        _allow(ASK, bucket),
        _allow(LIST, bucket, condition={"StringLike": {"s3:prefix": everything}}),
        _allow(READ, *_objects(bucket, everything)),
    ]
    if holder.role == Role.AUDITOR:
        return [*found, _deny((*NEVER, *WRITE, *REMOVE, *EXTEND), bucket, f"{bucket}/*")]
    return [
        *found,
        _allow((*WRITE, *REMOVE, *EXTEND), *_objects(bucket, everything)),
        _deny(NEVER, bucket, f"{bucket}/*"),
    ]


def _written_by_runs(every_school: bool) -> list[str]:
    """Return what a run writes: objects, lists and seals. Notes and marks are the board's alone."""
    school = "*/" if every_school else ""
    kinds = [f"{school}{kind}/*" for kind in (PACKS, SEGMENTS, MANIFESTS, FOLDER)]
    return [*kinds, *(f"{school}snapshots/*{ending}" for ending in (REFERENCES, SEAL))]


def _no_writing_over(vault: Location, objects: list[str]) -> list[dict[str, Any]]:
    """Deny uploads that do not ask the store to refuse where something is; only AWS itself knows the condition."""
    if vault.option("endpoint"):
        return []
    return [_deny(WRITE, *objects, condition={"Null": {"s3:if-none-match": "true"}})]


def _objects(bucket: str, keys: Iterable[str]) -> list[str]:
    return [f"{bucket}/{key}" for key in keys]


def _allow(actions: Sequence[str], *resources: str, condition: Any = None) -> dict[str, Any]:
    return _statement("Allow", actions, resources, condition)


def _deny(actions: Sequence[str], *resources: str, condition: Any = None) -> dict[str, Any]:
    return _statement("Deny", actions, resources, condition)


def _statement(effect: str, actions: Sequence[str], resources: Sequence[str], condition: Any) -> dict[str, Any]:
    found = {"Effect": effect, "Action": list(actions), "Resource": list(resources)}
    return {**found, "Condition": condition} if condition else found
