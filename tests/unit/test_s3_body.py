"""The body of a request made of pieces: the bytes they are, and the digest that is known, signed and not computed."""

import hashlib
import io
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from kdx.remotes.s3.body import Body, sign_what_is_known

PIECES = (b"abc", memoryview(bytes(range(256)) * 700), b"", b"tail")
WHOLE = b"".join(PIECES)


@given(st.lists(st.binary(max_size=9)), st.lists(st.integers(1, 7)))
def test_a_body_reads_as_its_pieces_and_again_after_going_back(pieces: list[bytes], sizes: list[int]) -> None:
    whole, body = b"".join(pieces), Body(pieces, "", None)
    for _time in range(2):
        read = [body.read(size) for size in sizes]
        rest = body.read()
        assert b"".join(read) + rest == whole and body.read() == body.read(4) == b""
        assert all(len(data) <= size for data, size in zip(read, sizes, strict=True))
        assert (len(body), body.tell(), body.seek(0, 2)) == (len(whole),) * 3
        body.seek(0)


def sent(body: Any) -> tuple[str, bytes]:
    """Return the digest a request is signed with and the bytes that would be sent. No line is used."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(s3={"payload_signing_enabled": True}, request_checksum_calculation="when_required"),
    )
    sign_what_is_known(client)
    seen: list[tuple[str, bytes]] = []

    def instead(request: Any, **_given: Any) -> AWSResponse:
        data = request.body if isinstance(request.body, bytes) else request.body.read()
        assert request.headers["Authorization"].startswith(b"AWS4-HMAC-SHA256")
        assert "Content-MD5" not in request.headers
        seen.append((request.headers["X-Amz-Content-SHA256"].decode(), data))
        return AWSResponse(request.url, 200, HTTPHeaders(), HTTPResponse(io.BytesIO(), preload_content=False))

    client.meta.events.register("before-send.s3.PutObject", instead)
    client.put_object(Bucket="vault", Key="x", Body=body)
    return seen[0]


def test_a_request_is_signed_with_the_known_digest_and_its_bytes_are_not_read_for_it() -> None:
    digest = hashlib.sha256(WHOLE).hexdigest()
    read: list[int] = []
    assert sent(Body(PIECES, digest, read.append)) == (digest, WHOLE)
    assert read == [len(WHOLE)]


def test_any_other_body_is_signed_as_ever() -> None:
    assert sent(WHOLE) == (hashlib.sha256(WHOLE).hexdigest(), WHOLE)
