"""What time it is at a store: the Date of any answer it gives, even of a refusal. Signs nothing, reads no data."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError
from urllib.request import Request

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceSilent
from kdx.remotes.network import for_urllib
from kdx.remotes.s3.store import REGION

ANSWER_SECONDS = 10


def store_time(location: Location, network: Network, address: str = "") -> datetime | None:
    """Return the time at an s3 store, or at an HTTP `address`, to the second, aware; None where no answer has a date.

    PlaceSilent where there is no answer.
    """
    if location.scheme != "s3" and not address:
        return None
    endpoint = address or location.option("endpoint")
    endpoint = endpoint or f"https://s3.{location.option('region', REGION)}.amazonaws.com"
    try:
        with for_urllib(network).open(Request(endpoint, method="HEAD"), timeout=ANSWER_SECONDS) as answer:
            said = answer.headers.get("Date")
    except HTTPError as refusal:
        said = refusal.headers.get("Date")
    except (OSError, ValueError) as error:
        raise PlaceSilent(place=location, why=translate(N_("no answer in time"))) from error
    return parsedate_to_datetime(said) if said else None
