"""What rclone's words about a failure mean for kdx: the one place where it is decided. Asks nothing.

rclone gives a status for little more than "not found"; what a service said stands in its text. The words are those of
the services' own error codes, as rclone passes them on (Google Drive API, Microsoft Graph, WebDAV). No text of a
service reaches a person from here but a short one: it may name whatever it was given.
"""

import re

from kdx.config.location import Location
from kdx.errors import ConfigurationError, DiskFull, KdxError
from kdx.language import N_, translate
from kdx.remotes.interface import (
    Conflict,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    SkipReason,
)
from kdx.remotes.rclone.engine import Gone, Refused


class RemoteUnknown(ConfigurationError):
    """rclone's configuration knows no remote of this name."""

    message = N_("rclone knows no remote named {remote} ({place}).")
    advice = N_("Set it up with: rclone config, as the user who runs kdx. What there is: rclone listremotes.")


class RemoteBroken(ConfigurationError):
    """rclone's configuration cannot be read, or not used."""

    message = N_("rclone cannot use its configuration for {place}: {why}.")
    advice = N_("Look at it with: rclone config, as the user who runs kdx.")


class NeedsLogin(PlaceRefused):
    """The login ran out or was taken back: nothing goes on until a person logs in. What was sent is kept."""

    message = N_("{place} no longer accepts our login (needs-login).")
    advice = N_(
        "Log in again with: rclone config reconnect {remote}: (a password or key: rclone config), then run the same "
        "command again; it goes on where it stopped."
    )


class DailyQuota(PlaceRefused):
    """What may be sent in one day has been sent."""

    message = N_("{place} takes no more today (quota): {why}.")
    advice = N_("Run the same command again tomorrow; it goes on where it stopped. Google takes 750 GB a user and day.")


class ItemLimit(PlaceRefused):
    """The place holds as many items, or as deep folders, as it may."""

    message = N_("{place} can hold no more items or deeper folders (limit): {why}.")
    advice = N_("Choose another shared drive or library for a part of the schools, then run the same command again.")


def _said(*words: str, status: str = "") -> re.Pattern[str]:
    """Return what finds any of the words or statuses; a number in a path is none."""
    numbers = [rf"(?:^|[ (:])(?:{status})(?=[ :,)]|$)"] if status else []
    return re.compile("|".join([*words, *numbers]), re.IGNORECASE)


NO_LOGIN = _said(
    "invalid_grant", "token (has been )?expired", "expired token", "couldn't fetch token", "refresh token",
    "empty token", "InvalidAuthenticationToken", "unauthenticated", "authError", "ExpiredToken", "InvalidAccessKeyId",
    "SignatureDoesNotMatch", "unable to authenticate", "logon failure",
    status="401",
)
DAY = _said("uploadLimitExceeded", "dailyLimitExceeded", "upload limit exceeded")
FULL = _said(
    "storageQuotaExceeded", "quotaLimitReached", "insufficient ?storage", "no space left", "quota exceeded",
    "disk full",
    status="507",
)
LIMIT = _said(
    "teamDriveFileLimitExceeded", "teamDriveHierarchyTooDeep", "numChildrenInNonRootLimitExceeded",
    "activeItemCreationLimitExceeded", "maxNumberOfItems",
)
BUSY = _said(
    "rateLimitExceeded", "activityLimitReached", "too ?many ?requests", "SlowDown", "serviceNotAvailable",
    "backendError", status="429|500|502|503|504",
)
NAME = _said(
    "name too long", "object name is invalid", "invalid (file ?)?name", "invalid characters", "pathIsTooLong",
    "KeyTooLong",
    "invalidRequest: The .*name", "XMinioInvalidObjectName", "invalid argument", "illegal name",
)
NO_NAME = _said("object name is invalid")
LOCKED = _said("resourceLocked", "sharing violation", "being used by another", status="423")
IN_THE_WAY = _said(
    "is a directory", "not a directory", "is a file not", "file exists", "already exists",
    "nameAlreadyExists", "precondition", "readdir .*The request is not supported", status="405|409|412",
)
DENIED = _said(
    "permission denied", "access ?denied", "insufficientFilePermissions", "insufficientPermissions", "forbidden",
    status="403",
)
ABSENT = _said(
    "(object|directory|file|bucket) not found", "no such file", "NoSuchBucket", "itemNotFound", status="404"
)
UNKNOWN_REMOTE = _said("didn't find section in config file", "didn't find backend called")
CONFIGURATION = _said("config(uration)? file", "decrypt", "RCLONE_CONFIG_PASS", "failed to create file system")
CHANGED = _said("source file is being updated", "corrupted on transfer", "sizes differ", "hash(es)? differ")
CERTIFICATE = _said("x509:", "failed to verify certificate")
LOST = _said(
    "connection (refused|reset)", "broken pipe", "no such host", "i/o timeout", "deadline exceeded", r"\bEOF\b",
    "network is unreachable", "no route to host", "TLS", "certificate",
)

NO_FOLDER = N_("there is no such folder, drive or bucket")
ENDED = N_("rclone ended or did not answer")
BUSY_NOW = N_("it is too busy and asks us to come back later")
UNTRUSTED = N_("its certificate is not trusted here (ca_bundle in kdx.yml)")
NO_LINE = N_("the line broke or nobody answers")
OTHER_ARRIVED = N_("other bytes arrived than were sent")
SHORT = 160


def is_absent(error: Refused) -> bool:
    """Whether rclone says that the name asked for is not there, or that no file could have it."""
    said = ABSENT.search(error.text) or NO_NAME.search(error.text)
    return error.status == 404 or bool(said) and not UNKNOWN_REMOTE.search(error.text)


def is_in_the_way(error: Refused) -> bool:
    """Whether rclone says that something lies under the name, or holds it."""
    return bool(LOCKED.search(error.text) or IN_THE_WAY.search(error.text))


def of_place(error: Refused | Gone, place: Location) -> KdxError | None:
    """Return what to raise where not one name but the place itself is what fails; None where it is the name."""
    if isinstance(error, Gone):
        return PlaceSilent(place=place, why=translate(ENDED))
    text = error.text
    if UNKNOWN_REMOTE.search(text):
        return RemoteUnknown(remote=place.host, place=place)
    if DAY.search(text):
        return DailyQuota(place=place, why=short(text))
    if LIMIT.search(text):
        return ItemLimit(place=place, why=short(text))
    if FULL.search(text):
        return DiskFull(folder=place)
    if NO_LOGIN.search(text):
        return NeedsLogin(place=place, remote=place.host)
    if BUSY.search(text):
        return PlaceSilent(place=place, why=translate(BUSY_NOW))
    if CERTIFICATE.search(text):
        return PlaceSilent(place=place, why=f"{translate(UNTRUSTED)} ({short(text)})")
    if LOST.search(text):
        return PlaceSilent(place=place, why=f"{translate(NO_LINE)} ({short(text)})")
    return RemoteBroken(place=place, why=short(text)) if CONFIGURATION.search(text) else None


def reading_failed(error: Refused | Gone, path: str, place: Location) -> KdxError:
    """Given why `path` ("" is the root) was not read or listed, return what to raise."""
    if isinstance(error, Refused) and is_absent(error):
        if not path:
            return PlaceMissing(place=place, why=translate(NO_FOLDER))
        return NotFound(name=path)
    text = str(error)
    if IN_THE_WAY.search(text):
        return NotFound(name=path) if path else PlaceMissing(place=place, why=translate(N_("it is not a folder")))
    if (whole := of_place(error, place)) is not None:
        return whole
    denied = DENIED.search(text)
    if denied and not path:
        return PlaceRefused(place=place, why=translate(N_("this user may not open it")))
    reason = SkipReason.DENIED if denied else SkipReason.LOCKED if LOCKED.search(text) else SkipReason.FAULTY
    return ReadFailed(name=path, reason=reason, detail=short(text))


def writing_failed(error: Refused | Gone, path: str, place: Location) -> KdxError:
    """Given why `path` was not written, return what to raise."""
    text = str(error)
    if CHANGED.search(text):
        return PlaceSilent(place=place, why=translate(OTHER_ARRIVED))
    if NAME.search(text):
        return NameRefused(name=path, why=short(text))
    if LOCKED.search(text) or IN_THE_WAY.search(text):
        return Conflict(name=path)
    if (whole := of_place(error, place)) is not None:
        return whole
    if DENIED.search(text):
        return PlaceRefused(place=place, why=translate(N_("this user may not write {path}")).format(path=path))
    if isinstance(error, Refused) and is_absent(error):
        return PlaceMissing(place=place, why=translate(NO_FOLDER))
    return PlaceSilent(place=place, why=short(text))


def short(text: str) -> str:
    """Return the end of what was said, where the reason stands, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else f"…{line[-SHORT:]}"
