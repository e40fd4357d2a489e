"""kdx.yml -> the board's settings. Strict: every key is known here, and what is not known is a mistake."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from kdx.config import codes
from kdx.config.backup import read_backup
from kdx.config.fields import (
    Node,
    is_empty,
    mistake,
    read_location,
    read_mapping,
    read_required,
    read_secret,
    read_text,
    refuse_unknown,
    warning,
)
from kdx.config.mistakes import Findings
from kdx.config.model import Board, Network, Target, WeatherAreas
from kdx.config.naming import nearest_names
from kdx.config.read_scheduling import read_hazard_policy, read_publication, read_scheduling
from kdx.config.roles import read_roles
from kdx.config.schools import resolve_file
from kdx.language import LANGUAGES, _

KEYS = (
    "board", "language", "municipality_code", "time_zone", "jma", "vault", "backup", "targets", "ignore", "ca_bundle",
    "proxy", "roles", "schedule", "hazard", "report",
)
STORE_KEYS = ("url", "access_key", "secret_key", "secret", "site")
TARGET_KEYS = (*STORE_KEYS, "profile")
WEATHER_KEYS = ("office", "class20", "bosai", "xml", "contact")
KNOWN_HOSTS = "known_hosts"
DEFAULT_TIME_ZONE = "Asia/Tokyo"

_TARGET_NAME = re.compile(r"[^\s/:@.\-][^\s/:@]{0,63}")


def read_settings(top: Node, folder: Path, found: Findings) -> Board:
    """Given the top of kdx.yml, return the board without its schools."""
    refuse_unknown(top, KEYS, found)
    values = top.value
    return Board(
        name=read_required(top, "board", found),
        folder=folder,
        schools=(),
        targets=_read_targets(values.get("targets"), folder, found),
        language=_read_language(values.get("language"), found),
        municipality_code=read_municipality_code(values.get("municipality_code"), found),
        time_zone=_read_time_zone(values.get("time_zone"), found),
        network=Network(
            ca_bundle=_read_ca_bundle(values.get("ca_bundle"), folder, found),
            proxy=_read_proxy(values.get("proxy"), found),
            known_hosts=_find_known_hosts(folder),
        ),
        vault=_read_vault(values.get("vault"), folder, found),
        backup=read_backup(values.get("backup"), found),
        weather=_read_weather(values.get("jma"), found),
        roles=read_roles(values.get("roles"), found),
        schedule=read_scheduling(values.get("schedule"), folder, found),
        hazard=read_hazard_policy(values.get("hazard"), found),
        report=read_publication(values.get("report"), folder, found),
    )


def read_target(name: str, node: Node, folder: Path, found: Findings) -> Target | None:
    """Return a target written as an address, or as url, access_key and secret_key."""
    if not _TARGET_NAME.fullmatch(name):
        what = _("a target name is one word without / : @ (at most 64 characters) and begins with neither . nor -.")
        mistake(found, node, what)
    if not isinstance(node.value, dict):
        if is_empty(node):
            mistake(found, node, _("{key} is missing.").format(key="url"))
        location = read_location(node, found)
        return Target(name, location) if location else None
    target = _read_store(name, node, folder, found, TARGET_KEYS)
    return replace(target, profile=_read_profile(node.value.get("profile"), folder, found)) if target else None


def read_municipality_code(node: Node | None, found: Findings) -> str:
    """Return a 全国地方公共団体コード; a check digit that does not fit is a warning."""
    code = read_text(node, found)
    if node is None or not code:
        return ""
    if not codes.MUNICIPALITY.fullmatch(code):
        mistake(found, node, _('a municipality code has six digits, the check digit among them, such as "242101".'))
    elif not codes.municipality_code_is_likely(code):
        warning(found, node, _("the check digit of this municipality code does not fit."))
    return code


def _read_targets(node: Node | None, folder: Path, found: Findings) -> tuple[Target, ...]:
    targets = (read_target(name, value, folder, found) for name, value in read_mapping(node, found).items())
    return tuple(target for target in targets if target)


def _read_vault(node: Node | None, folder: Path, found: Findings) -> Target | None:
    return _read_store("vault", node, folder, found) if node is not None and read_mapping(node, found) else None


def _read_profile(node: Node | None, folder: Path, found: Findings) -> str:
    name = read_text(node, found)
    if node is None or not name:
        return ""
    from kdx.config.rule_tables import profile_names

    known = profile_names(folder)
    if name not in known:
        mistake(found, node, _("there is no such profile."), tuple(nearest_names(name, known)) or tuple(known))
    return name


def _read_store(
    name: str, node: Node, folder: Path, found: Findings, keys: tuple[str, ...] = STORE_KEYS
) -> Target | None:
    refuse_unknown(node, keys, found)
    if is_empty(node.value.get("url")):
        mistake(found, node, _("{key} is missing.").format(key="url"))
    location = read_location(node.value.get("url"), found)
    access_key, secret_key, secret = (
        resolve_file(read_secret(node.value.get(key), found), folder) for key in ("access_key", "secret_key", "secret")
    )
    if is_empty(node.value.get("access_key")) != is_empty(node.value.get("secret_key")):
        mistake(found, node, _("access_key and secret_key belong together; write both or neither."))
    site = read_text(node.value.get("site"), found)
    return Target(name, location, access_key, secret_key, secret, site=site) if location else None


def _read_weather(node: Node | None, found: Findings) -> WeatherAreas | None:
    if node is None or not read_mapping(node, found):
        return None
    refuse_unknown(node, WEATHER_KEYS, found)
    addresses = {key: _read_web_address(node.value.get(key), found) for key in ("bosai", "xml")}
    contact = read_text(node.value.get("contact"), found)
    if not contact.isascii():
        mistake(found, node.value["contact"], _("a mail address or a web address in plain letters is expected."))
    return WeatherAreas(
        _read_area(node, "office", 6, found),
        _read_area(node, "class20", 7, found),
        contact=contact,
        **{key: address for key, address in addresses.items() if address},
    )


def _read_web_address(node: Node | None, found: Findings) -> str:
    text = read_text(node, found)
    if node is not None and text and not re.fullmatch(r"https?://[^\s@?#]+", text):
        mistake(found, node, _("a web address is expected, such as https://server/folder."))
    return text


def _read_area(node: Node, key: str, digits: int, found: Findings) -> str:
    code = read_required(node, key, found)
    if code and not re.fullmatch(f"[0-9]{{{digits}}}", code):
        mistake(found, node.value[key], _("an area code of {digits} digits is expected.").format(digits=digits))
    return code


def _read_language(node: Node | None, found: Findings) -> str:
    language = read_text(node, found)
    if node is not None and language and language not in LANGUAGES:
        near = tuple(nearest_names(language, list(LANGUAGES))) or LANGUAGES
        mistake(found, node, _("kdx does not speak this language."), near)
    return language


def _read_time_zone(node: Node | None, found: Findings) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    name = read_text(node, found)
    if node is None or not name:
        return DEFAULT_TIME_ZONE
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        near = tuple(nearest_names(name, sorted(available_timezones())))
        mistake(found, node, _("this machine knows no such time zone."), near)
    return name


def _read_ca_bundle(node: Node | None, folder: Path, found: Findings) -> Path | None:
    text = read_text(node, found)
    if node is None or not text:
        return None
    path = folder.absolute() / Path(text)
    try:
        if b"-----BEGIN CERTIFICATE-----" not in path.read_bytes():
            mistake(found, node, _("{path} holds no certificate in PEM form.").format(path=path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        mistake(found, node, _("{path} cannot be read: {why}.").format(path=path, why=why))
    return path


def _find_known_hosts(folder: Path) -> Path | None:
    """Return the board's list of host keys; it is not named anywhere, it lies in the folder or it does not."""
    path = folder.absolute() / KNOWN_HOSTS
    return path if path.is_file() else None


def _read_proxy(node: Node | None, found: Findings) -> str:
    text = read_text(node, found)
    if node is None or not text:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        mistake(found, node, _("a proxy is written as http://server:port."))
        return ""
    if "@" in parts.netloc:
        mistake(found, node, _("a user or password never stands in an address."))
    elif parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path.strip("/"):
        mistake(found, node, _("a proxy is written as http://server:port."))
    return text
