"""Places files live: which Remote belongs to an address, opened where the work is. Opens nothing when it is made."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from kdx.config.location import Location
from kdx.config.model import Board, Network, Share, Target
from kdx.config.secret import SecretReference
from kdx.remotes.interface import Remote


@dataclass(frozen=True, slots=True)
class Place:
    """An address with what is needed to reach it. Picklable: every thread or process opens its own Remote."""

    location: Location
    network: Network = field(default_factory=Network)
    access_key: SecretReference | None = None
    secret_key: SecretReference | None = None
    secret: SecretReference | None = None
    """Password or key file of a share on a server."""
    scratch: Path | None = None
    """Folder of this machine for what lets a killed upload go on; without one it begins anew."""
    few_large: bool = False
    """Few large objects lie there: a bucket is reached through boto3 alone, so that a process may fork at any time."""

    @property
    def walks_at_once(self) -> bool:
        """Whether walk() is far quicker than list() folder by folder, and yields every folder before what is in it.

        Known before the place is asked anything.
        """
        return self.location.scheme == "sftp"

    def open(self, *, hurried: bool = False) -> Remote:
        """Return a Remote of its own for the caller, who closes it.

        A hurried one gives up on a silent store after seconds, not after the minute a long work waits.
        """
        if self.location.scheme == "file":
            from kdx.remotes.local import LocalRemote

            return LocalRemote(self.location)
        if self.location.scheme == "s3":
            from kdx.remotes.s3 import HURRIED, PATIENT, open_s3

            patience = HURRIED if hurried else PATIENT
            keys = (self.access_key, self.secret_key)
            return open_s3(
                self.location, self.network, *keys, patience, scratch=self.scratch, only_boto=self.few_large
            )
        if self.location.scheme == "smb":
            from kdx.remotes import smb

            return smb.SmbRemote(self.location, self.secret, smb.HURRIED if hurried else smb.PATIENT)
        if self.location.scheme == "sftp":
            from kdx.remotes import sftp

            wait = sftp.HURRIED if hurried else sftp.PATIENT
            return sftp.open_sftp(self.location, self.network, self.secret, wait)
        if self.location.scheme == "rclone":
            from kdx.remotes import rclone

            seconds = rclone.HURRIED if hurried else rclone.PATIENT
            return rclone.RcloneRemote(self.location, self.network, seconds, self.scratch)
        raise AssertionError(f"{self.location.scheme}: refused when the address was read")


def place_of_share(board: Board, share: Share) -> Place:
    """Return where a school's share lies."""
    return Place(share.location, board.network, secret=share.secret)


def place_of_target(board: Board, target: Target) -> Place:
    """Return where a migration goes, with the references of its keys."""
    return Place(target.location, board.network, target.access_key, target.secret_key, target.secret)


def profile_behind(place: Place) -> str:
    """Return the profile of targets.yml that fits the service behind rclone; "" where none does, or elsewhere.

    rclone's configuration is asked, not the service. ConfigurationError where it knows no such remote.
    """
    if place.location.scheme != "rclone":
        return ""
    from kdx.remotes.rclone import RcloneRemote

    with closing(RcloneRemote(place.location, place.network)) as remote:
        return remote.backend.profile
