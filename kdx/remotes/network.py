"""How the board's `ca_bundle` and `proxy` reach each library that talks to a network. Opens no connection.

boto3 and rclone trust the bundle alone, obstore and urllib trust it beside the system's own authorities: a bundle must
hold everything the line needs. Where neither is set, each library's own defaults hold.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from kdx.config.model import Network
from kdx.errors import ConfigurationError
from kdx.language import N_

if TYPE_CHECKING:
    from botocore.config import Config
    from obstore.store import ClientConfig


class BundleUnusable(ConfigurationError):
    """The file of certificate authorities cannot be read or holds none."""

    message = N_("The certificate bundle {path} cannot be used: {why}.")
    advice = N_("Write the authority's certificates into it in PEM form, or correct ca_bundle in kdx.yml.")


def for_obstore(network: Network) -> "ClientConfig":
    """Return the part of obstore's client_options that network settings decide."""
    options: ClientConfig = {}
    if network.ca_bundle:
        options["root_certificate"] = _read(network.ca_bundle)
    if network.proxy:
        options["proxy_url"] = network.proxy
    return options


def for_boto(network: Network, config: "Config") -> dict[str, Any]:
    """Return the keyword arguments of boto3's client() that network settings decide; `config` is merged into them."""
    from botocore.config import Config

    if network.proxy:
        config = config.merge(Config(proxies={"http": network.proxy, "https": network.proxy}))
    if not network.ca_bundle:
        return {"config": config}
    _read(network.ca_bundle)
    return {"config": config, "verify": str(network.ca_bundle)}


def for_rclone(network: Network) -> Mapping[str, str]:
    """Return the environment variables an rclone process needs beside its own."""
    variables = {}
    if network.ca_bundle:
        _read(network.ca_bundle)
        variables["RCLONE_CA_CERT"] = str(network.ca_bundle)
    if network.proxy:
        # rclone and Go know no option for it, only these names
        variables.update(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), network.proxy))
    return variables


def for_urllib(network: Network) -> OpenerDirector:
    """Return an opener for http and https."""
    context = ssl.create_default_context()
    if network.ca_bundle:
        context.load_verify_locations(cadata=_read(network.ca_bundle))
    handlers: list[HTTPSHandler | ProxyHandler] = [HTTPSHandler(context=context)]
    if network.proxy:
        handlers.append(ProxyHandler({"http": network.proxy, "https": network.proxy}))
    return build_opener(*handlers)


def _read(bundle: Path) -> str:
    """Return the certificates as PEM text, known to be usable."""
    try:
        text = bundle.read_text("ascii", "ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BundleUnusable(path=bundle, why=why) from error
    except ValueError as error:
        raise BundleUnusable(path=bundle, why=str(error)) from error
    return text
