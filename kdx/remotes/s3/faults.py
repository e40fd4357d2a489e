"""What an answer of an S3 store, or its absence, means for kdx: the one place where it is decided. Sends nothing.

obstore tells status and code only in its text, botocore in its response; both become a Fault first. No text of a
library, no key and no address with a signature ever reaches a person from here.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kdx.config.location import Location
from kdx.errors import DiskFull, KdxError
from kdx.language import N_, translate
from kdx.remotes.interface import NameRefused, NotFound, PlaceMissing, PlaceRefused, PlaceSilent

CLOCK_ALLOWED = timedelta(minutes=15)
"""How far the clocks may be apart before a signature is refused (AWS Signature Version 4)."""
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_SILENCE = (
    (re.compile(r"UnknownIssuer|InvalidCertificate|CERTIFICATE_VERIFY_FAILED|invalid peer certificate", re.I),
     N_("its certificate is not trusted here (ca_bundle in kdx.yml)")),
    (re.compile(r"dns error|failed to lookup|EndpointConnectionError.*resolve|Name or service", re.I),
     N_("its name is unknown (DNS)")),
    (re.compile(r"proxy|ProxyConnectionError", re.I), N_("the proxy does not let us through")),
    (re.compile(r"ConnectionRefused|Connection refused|Could not connect", re.I), N_("the connection was refused")),
    (re.compile(r"TimedOut|timed out|Timeout", re.I), N_("no answer in time")),
)
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_REFUSALS = {
    "InvalidAccessKeyId": N_("it does not know this access key"),
    "SignatureDoesNotMatch": N_("the secret key does not belong to the access key"),
    "ExpiredToken": N_("the keys have expired"),
    "InvalidToken": N_("the keys have expired"),
    "TokenRefreshRequired": N_("the keys have expired"),
    "AuthorizationHeaderMalformed": N_("the bucket lies in another region (region= in its address)"),
    "PermanentRedirect": N_("the bucket lies in another region (region= in its address)"),
}
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityStorageFull"})
_BAD_NAMES = {
    "KeyTooLongError": N_("the name is too long"),
    "XMinioInvalidObjectName": N_("this store does not allow the name"),
    "InvalidArgument": N_("this store does not allow the name"),
    "InvalidURI": N_("this store does not allow the name"),
    "EntityTooLarge": N_("the file is too large for this store"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, as far as it is known. `status` is None where no answer came."""

    status: int | None
    code: str
    silence: str = ""
    """Why no answer came: an N_() string or the name of an error."""
    store_time: datetime | None = None
    """What the store's clock showed."""

    @property
    def transient(self) -> bool:
        """Whether the same request may well succeed a little later."""
        return self.status is None or self.status in TRANSIENT


def is_of_the_key(fault: Fault) -> bool:
    """Whether the store knows nothing of a key, so that its refusal says nothing about rights."""
    return fault.code in _REFUSALS or fault.code == "RequestTimeTooSkewed"


def fault_of(error: BaseException) -> Fault:
    """Given an error of obstore, botocore or a socket, return what it says."""
    response: dict[str, Any] | None = getattr(error, "response", None)
    if isinstance(response, dict):
        return _fault_of_response(response)
    text = f"{type(error).__name__} {error}"
    status, code = _STATUS.search(text), _CODE.search(text)
    known = {"FileNotFoundError": 404, "PermissionDeniedError": 403, "UnauthenticatedError": 401}
    number = int(status[1]) if status else known.get(type(error).__name__)
    if number is not None:
        return Fault(number, code[1] if code else "")
    silence = next((why for pattern, why in _SILENCE if pattern.search(text)), N_("the line broke"))
    return Fault(None, "", silence)


def explain(fault: Fault, place: Location, name: str, now: datetime) -> KdxError:
    """Given a fault, the place and the entry it was about ("" for the place itself), return what to raise."""
    if fault.code in _NO_BUCKET or (fault.status == 404 and not name):
        return PlaceMissing(place=place, why=translate(N_("there is no bucket of this name")))
    if fault.status == 404:
        return NotFound(name=name)
    if fault.code in _FULL or fault.status == 507:
        return DiskFull(folder=place)
    if name and fault.code in _BAD_NAMES:
        return NameRefused(name=name, why=translate(_BAD_NAMES[fault.code]))
    if fault.transient:
        why = translate(fault.silence) or f"{fault.status} {fault.code}".strip()
        return PlaceSilent(place=place, why=why)
    return PlaceRefused(place=place, why=_refusal(fault, now))


def _refusal(fault: Fault, now: datetime) -> str:
    there = fault.store_time
    if there is not None and (fault.code == "RequestTimeTooSkewed" or abs(there - now) > CLOCK_ALLOWED):
        said = translate(N_("the clock here shows {here}, the clock there {there} (UTC)"))
        return said.format(here=f"{now:%Y-%m-%d %H:%M:%S}", there=f"{there:%Y-%m-%d %H:%M:%S}")
    if fault.code in _REFUSALS:
        return translate(_REFUSALS[fault.code])
    if fault.status in (401, 403):
        return translate(N_("these keys may not do this")) + (f" ({fault.code})" if fault.code else "")
    return f"{fault.status} {fault.code}".strip()


def _fault_of_response(response: dict[str, Any]) -> Fault:
    """Take a response as botocore parses it."""
    from email.utils import parsedate_to_datetime

    facts = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    status = facts.get("HTTPStatusCode")
    date = facts.get("HTTPHeaders", {}).get("date")
    return Fault(
        status=int(status) if status else None,
        # botocore puts the number where an answer had no body
        code="" if code.isdigit() else code,
        store_time=parsedate_to_datetime(date) if date else None,
    )
