"""What a server's certificate is worth, asked of real TLS servers on this machine: directly and through a proxy."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rigs.private_ca import make_certificates, serve_tls
from rigs.proxy import serve_proxy
from rigs.sshd import free_port

from kdx.config.location import parse_location
from kdx.config.model import Network
from kdx.doctor import State
from kdx.doctor.clouds import look_at_certificate
from kdx.errors import ExitCode
from kdx.remotes import Place
from kdx.remotes.certificate import Certificate, certificate_at

PLACE = parse_location("rclone:cloud:moved")


@pytest.mark.parametrize(("days", "state"), [(90, State.OK), (9, State.WARN)])
def test_when_a_certificate_ends_is_told_and_in_time(days: int, state: State, tmp_path: Path) -> None:
    made = make_certificates(tmp_path, days)
    now = datetime.now(UTC)
    with serve_tls(made) as port, serve_proxy() as proxy:
        address, network = f"https://127.0.0.1:{port}/dav", Network(ca_bundle=made.bundle)
        found = certificate_at(address, network)
        assert found and found.until and abs(found.until - now - timedelta(days=days)) < timedelta(minutes=5)
        assert certificate_at(address, Network(ca_bundle=made.bundle, proxy=proxy.url)) == found
        assert proxy.asked == [f"127.0.0.1:{port}"]
        check = look_at_certificate("cloud", Place(PLACE, network), address, now)
    assert (check.state, found.until.date().isoformat() in check.detail) == (state, True)
    assert bool(check.next_step) == (state == State.WARN)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
@pytest.mark.parametrize(
    ("days", "host", "trusted", "newest", "fault"),
    [
        (-3, "127.0.0.1", True, ssl.TLSVersion.MAXIMUM_SUPPORTED, "expired"),
        (9, "127.0.0.1", False, ssl.TLSVersion.MAXIMUM_SUPPORTED, "unable to get local issuer certificate"),
        (9, "127.0.0.2", True, ssl.TLSVersion.MAXIMUM_SUPPORTED, "not valid for '127.0.0.1'"),
        (9, "127.0.0.1", True, ssl.TLSVersion.TLSv1_1, "TLS < 1.2"),
    ],
    ids=["expired", "unknown authority", "another host", "old TLS"],
)
def test_a_certificate_that_does_not_hold_fails_with_its_reason(
    days: int, host: str, trusted: bool, newest: ssl.TLSVersion, fault: str, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path, days, host)
    network = Network(ca_bundle=made.bundle if trusted else None)
    with serve_tls(made, newest) as port:
        check = look_at_certificate("cloud", Place(PLACE, network), f"https://127.0.0.1:{port}", datetime.now(UTC))
    assert check.state == State.FAIL and check.exit_code == ExitCode.UNREACHABLE
    assert fault in check.detail and "ca_bundle" in check.next_step


def test_a_server_that_signed_its_certificate_itself_is_not_trusted(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    made.certificate.write_bytes(made.bundle.read_bytes())
    made.key.write_bytes(made.authority_key.read_bytes())
    with serve_tls(made) as port:
        found = certificate_at(f"https://127.0.0.1:{port}", Network())
    assert found == Certificate(fault="self-signed certificate")


def test_where_no_certificate_is_shown_nothing_is_said_of_it() -> None:
    assert certificate_at("http://127.0.0.1:1", Network()) is None
    assert certificate_at(f"https://127.0.0.1:{free_port()}", Network()) is None
    assert certificate_at("", Network()) is None
