"""A small S3 in memory that does what a test tells it: refuse, stall, cut, lie, go away and come back.

Computes MD5 tags as S3 does and refuses a body that is not the signed one; checks no signature. It remembers every
request, so that a test can say what was never sent.
"""

import hashlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEYS = {"AWS_ACCESS_KEY_ID": "FAKEFAKEFAKEFAKEFAKE", "AWS_SECRET_ACCESS_KEY": "fake" * 10}


@dataclass(frozen=True)
class Stored:
    """One object as it lies in the store."""

    data: bytes
    etag: str
    headers: Mapping[str, str]
    modified: datetime


@dataclass
class Trouble:
    """What happens to the next `times` requests of `method` whose path fits `path`, once `after` others have passed."""

    kind: str
    """status, cut (half the body), slow (before answering), lost (done, then the line breaks), wrong_etag, skew,
    forget (keeps half of a multipart upload)."""
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 503
    code: str = "SlowDown"
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    key: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in small letters."""


@dataclass
class FakeS3:
    """The store. `buckets` may be changed by the test at any time."""

    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    conditional: bool = True
    """Whether If-None-Match and If-Match are honoured."""
    clock_off: timedelta = timedelta()
    page: int = 1000
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        """URL of the store."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer, on the same port as before."""
        handler = type("Handler", (_Handler,), {"store": self})
        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Go away: connections are refused until start()."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def trouble_for(self, method: str, path: str) -> Trouble | None:
        """Return what shall happen to this request, and use it up."""
        with self.lock:
            for trouble in self.troubles:
                if trouble.times and trouble.method in ("", method) and re.search(trouble.path, path):
                    if trouble.after:
                        trouble.after -= 1
                        continue
                    trouble.times -= 1
                    return trouble
        return None


@contextmanager
def serve_fake(*buckets: str) -> Iterator[FakeS3]:
    """Run a fake with these buckets for the length of the block."""
    fake = FakeS3({bucket: {} for bucket in buckets})
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FakeS3

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query, keep_blank_values=True)
        bucket, _, key = unquote(parts.path.lstrip("/")).partition("/")
        self.bucket, self.key = bucket, key
        self.body = self._read_body()
        self.store.requests.append(Request(self.command, key, self.query, self._lower_headers()))
        self.trouble = self.store.trouble_for(self.command, self.path)
        if self.trouble and self._refuse(self.trouble):
            return
        if hashlib.sha256(self.body).hexdigest() != self.headers.get("x-amz-content-sha256"):
            return self._error(400, "XAmzContentSHA256Mismatch")
        if bucket not in self.store.buckets:
            return self._error(404, "NoSuchBucket")
        handle = getattr(self, f"_{self.command.lower()}_{'object' if key else 'bucket'}")
        handle(self.store.buckets[bucket])

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) != length:
            raise ConnectionError("cut")
        return body

    def _lower_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _refuse(self, trouble: Trouble) -> bool:
        if trouble.kind == "slow":
            time.sleep(trouble.seconds)
        elif trouble.kind == "status":
            self._error(trouble.status, trouble.code)
        elif trouble.kind == "skew":
            self._error(403, "RequestTimeTooSkewed")
        return trouble.kind in ("status", "skew")

    def _put_object(self, bucket: dict[str, Stored]) -> None:
        if "uploadId" in self.query:
            upload = self.store.uploads.get(self.query["uploadId"][0])
            if upload is None:
                return self._error(404, "NoSuchUpload")
            upload[int(self.query["partNumber"][0])] = self.body
            return self._answer(200, headers={"ETag": f'"{_md5(self.body)}"'})
        with self.store.lock:
            if self.store.conditional and self.headers.get("If-None-Match") == "*" and self.key in bucket:
                return self._error(412, "PreconditionFailed")
            bucket[self.key] = self._stored(self.body, _md5(self.body), self._metadata())
        self._answer(200, headers={"ETag": f'"{bucket[self.key].etag}"'})

    def _post_object(self, bucket: dict[str, Stored]) -> None:
        if "uploads" in self.query:
            name = f"upload-{len(self.store.requests)}"
            self.store.uploads[name] = {}
            setattr(self.store, name, self._metadata())
            body = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>"
            return self._answer(200, body.encode())
        name = self.query["uploadId"][0]
        if name not in self.store.uploads:
            return self._error(404, "NoSuchUpload")
        parts = [data for _, data in sorted(self.store.uploads.pop(name).items())]
        tag = _md5(b"".join(hashlib.md5(part).digest() for part in parts)) + f"-{len(parts)}"
        if self.trouble and self.trouble.kind == "forget":
            parts = parts[: len(parts) // 2]
        bucket[self.key] = self._stored(b"".join(parts), tag, getattr(self.store, name))
        body = f'<CompleteMultipartUploadResult><ETag>"{tag}"</ETag></CompleteMultipartUploadResult>'
        self._answer(200, body.encode())

    def _get_object(self, bucket: dict[str, Stored]) -> None:
        if "uploadId" in self.query:
            return self._list_parts(self.store.uploads.get(self.query["uploadId"][0]))
        stored = bucket.get(self.key)
        if stored is None:
            return self._error(404, "NoSuchKey")
        wanted = self.headers.get("If-Match", stored.etag).strip('"')
        if self.store.conditional and wanted != stored.etag:
            return self._error(412, "PreconditionFailed")
        headers = {"ETag": f'"{stored.etag}"', "Last-Modified": format_datetime(stored.modified, usegmt=True)}
        headers |= stored.headers
        status, data = 200, stored.data
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
            if start >= len(data):
                return self._error(416, "InvalidRange")
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            status, data = 206, data[start : end + 1]
        self._answer(status, data, headers)

    _head_object = _get_object

    def _list_parts(self, upload: dict[int, bytes] | None) -> None:
        if upload is None:
            return self._error(404, "NoSuchUpload")
        rows = (
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{_md5(data)}"</ETag><Size>{len(data)}</Size></Part>'
            for number, data in sorted(upload.items())
        )
        body = f"<ListPartsResult><IsTruncated>false</IsTruncated>{''.join(rows)}</ListPartsResult>"
        self._answer(200, body.encode())

    def _delete_object(self, bucket: dict[str, Stored]) -> None:
        if "uploadId" in self.query:
            self.store.uploads.pop(self.query["uploadId"][0], None)
        else:
            bucket.pop(self.key, None)
        self._answer(204)

    def _head_bucket(self, bucket: dict[str, Stored]) -> None:
        self._answer(200)

    def _get_bucket(self, bucket: dict[str, Stored]) -> None:
        one = {name: values[0] for name, values in self.query.items()}
        prefix, delimiter = one.get("prefix", ""), one.get("delimiter", "")
        after = one.get("continuation-token") or one.get("start-after", "")
        with self.store.lock:
            keys = sorted((key for key in bucket if key.startswith(prefix)), key=str.encode)
        rows: dict[str, str] = {}
        shown = quote if one.get("encoding-type") == "url" else _in_xml
        for key in keys:
            folder, cut, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else (key, "", "")
            name = prefix + folder + cut if cut else key
            if name in rows or name.encode() <= after.encode():
                continue
            if len(rows) == min(self.store.page, int(one.get("max-keys", 1000))):
                break
            rows[name] = _common(shown(name)) if cut else _contents(shown(key), bucket[key])
            last = name
        else:
            last = ""
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else ""
        encoding = "<EncodingType>url</EncodingType>" if shown is quote else ""
        body = (
            f"<ListBucketResult>{encoding}<IsTruncated>{'true' if last else 'false'}</IsTruncated>{more}"
            f"<KeyCount>{len(rows)}</KeyCount>{''.join(rows.values())}</ListBucketResult>"
        )
        self._answer(200, body.encode())

    def _stored(self, data: bytes, tag: str, headers: Mapping[str, str]) -> Stored:
        if self.trouble and self.trouble.kind == "wrong_etag":
            tag = "0" * 32
        return Stored(data, tag, headers, datetime.now(UTC) + self.store.clock_off)

    def _metadata(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}

    def _error(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as told</Message></Error>"
        self._answer(status, body.encode())

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        if self.trouble and self.trouble.kind == "lost":
            self.close_connection = True
            return
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + self.store.clock_off, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.trouble and self.trouble.kind == "cut":
            body, self.close_connection = body[: len(body) // 2], True
        self.wfile.write(body)


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def _in_xml(key: str) -> str:
    return re.sub(r"[\x00-\x1f]", lambda found: f"&#{ord(found[0])};", escape(key))


def _common(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"


def _contents(name: str, stored: Stored) -> str:
    when = stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f'<Contents><Key>{name}</Key><LastModified>{when}</LastModified><ETag>"{stored.etag}"</ETag>'
        f"<Size>{len(stored.data)}</Size></Contents>"
    )
