"""What each kind of remote can promise beyond what rclone itself says of it. A table; asks nothing.

A kind that is not listed promises nothing: what was written is read back, and a large file grows under another name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RAW = "encoding=Raw"
"""Names as they are: without it rclone stores `何？` as `何‛？` on some services, and reads `？` as `?` from others."""
NO_TIME_KEPT = 100 * 365 * 24 * 3600 * 10**9
"""The precision rclone names for a place that keeps no time of ours (fs.ModTimeNotSupported), in nanoseconds."""


OFFICE = (".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".pptm", ".doc", ".xls", ".ppt")


@dataclass(frozen=True, slots=True)
class Backend:
    """What is known about one kind."""

    options: tuple[str, ...] = (RAW,)
    """For the connection string, beside what the person configured."""
    store_md5: bool = False
    """A listing brings an MD5 that the service computed from the bytes it holds, at no cost."""
    whole_or_nothing: bool = False
    """An upload that breaks leaves nothing under the name."""
    windows_names: bool = False
    """Names as Windows has them: what it forbids is refused before anything is sent."""
    no_controls: bool = False
    """Control characters cannot stand in a name (XML 1.0 has none)."""
    part_bytes: int = 0
    """Longest component of a name in bytes of UTF-8; 0: the service says."""
    name_bytes: int = 0
    """Longest name without the bucket, in bytes of UTF-8."""
    profile: str = ""
    """Its rules in targets.yml, where the board names none."""
    rewrites_office: bool = False
    """The service changes Office files after they arrive (rclone issue 2599)."""
    address: str = ""
    """Where the service answers by HTTP."""

    def may_alter(self, path: str) -> bool:
        """Whether the service may change this file after it has arrived."""
        return self.rewrites_office and path.casefold().endswith(OFFICE)


FOLDER = Backend(part_bytes=255)
BACKENDS: Mapping[str, Backend] = {
    "local": FOLDER,
    "sftp": FOLDER,
    "webdav": Backend(part_bytes=255, no_controls=True),
    "smb": Backend(windows_names=True, profile="windows"),
    "drive": Backend(
        # rclone tries again for a day where Google says that today's 750 GB are sent; kdx says so and ends
        options=(RAW, "stop_on_upload_limit=true"), store_md5=True, whole_or_nothing=True, profile="google-drive",
        address="https://www.googleapis.com",
    ),
    "onedrive": Backend(
        whole_or_nothing=True, windows_names=True, profile="sharepoint", rewrites_office=True,
        address="https://graph.microsoft.com",
    ),
    # no bucket is made where one was mistyped
    "s3": Backend(options=(RAW, "no_check_bucket=true"), whole_or_nothing=True, name_bytes=1024, profile="s3"),
    "google cloud storage": Backend(
        options=(RAW, "no_check_bucket=true"), store_md5=True, whole_or_nothing=True, name_bytes=1024, profile="s3"
    ),
    "azureblob": Backend(
        options=(RAW, "no_check_container=true"), whole_or_nothing=True, name_bytes=1024, profile="azure-blob"
    ),
    "box": Backend(whole_or_nothing=True),
    "dropbox": Backend(whole_or_nothing=True),
}
"""MD5 counts for Google alone: Azure stores what the client says, S3 what rclone wrote beside a multipart upload, and
sftp and local folders compute one for every file that is listed. OneDrive has a hash of its own kind (quickXor)."""
SHAREPOINT = Backend(no_controls=True, windows_names=True, profile="sharepoint", rewrites_office=True)
UNKNOWN = Backend()


def backend_of(settings: Mapping[str, Any]) -> Backend:
    """Given a remote's settings as rclone keeps them (type, vendor), return what is known about its kind."""
    if settings.get("type") == "webdav" and str(settings.get("vendor", "")).startswith("sharepoint"):
        return SHAREPOINT
    return BACKENDS.get(str(settings.get("type", "")), UNKNOWN)
