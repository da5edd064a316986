"""The object store on a real S3 server, by the `minio` client in a bounded pool of threads."""

import asyncio
import contextlib
import io
import itertools
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3.exceptions import HTTPError

from shared.errors import ObjectMissing, SettingError, StoreRefused, StoreUnavailable
from shared.object_store import StoredObject
from shared.settings import StoreSettings

T = TypeVar("T")

_THREADS = 8
_PART = 8 * 1024**2
"""Bytes of a part; what is larger travels in several, of which one at a time is in memory."""
_CHUNK = 1024**2
_PAGE = 1000
_TIMEOUT = urllib3.Timeout(connect=3, read=30)
_RETRIES = urllib3.Retry(
    total=2, backoff_factor=0.1, status_forcelist=(502, 503, 504), respect_retry_after_header=False
)
# A request that was sent may have been done, and done again it would be refused by its own object.
_ONCE = urllib3.Retry(connect=2, read=False, status=0, other=0, redirect=0, backoff_factor=0.1)
_PROBE_TIMEOUT = urllib3.Timeout(connect=0.5, read=1)
"""Together less than what `shared.health` waits for a check."""

_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_TRANSIENT = {"NoSuchBucket", "RequestTimeout", "SlowDown", "OperationAborted"}
_KEYS = "ECHOBASE_STORE_ACCESS_KEY and ECHOBASE_STORE_SECRET_KEY"


class S3Store:
    """One bucket of an S3 server; see `shared.object_store.ObjectStore`."""

    def __init__(self, settings: StoreSettings) -> None:
        """Connects to nothing yet. Raises SettingError."""
        self._bucket = settings.store_bucket
        self._http = urllib3.PoolManager(maxsize=_THREADS, timeout=_TIMEOUT, retries=_RETRIES)
        self._client = _client(settings, self._http)
        self._probe_http = urllib3.PoolManager(timeout=_PROBE_TIMEOUT, retries=False)
        self._probe = _client(settings, self._probe_http)
        # Threads of its own: a store that hangs must not take those that others rely on.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._probe_thread = ThreadPoolExecutor(1, thread_name_prefix="s3-probe")

    async def ensure(self) -> None:
        """Create the bucket if it is missing."""
        await self._run(self._ensure)

    def _ensure(self) -> None:
        if self._client.bucket_exists(self._bucket):
            return
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            # Several services start at once; who comes second is content.
            if error.code not in _OURS_ALREADY:
                raise

    async def ready(self) -> bool:
        """Whether the store answers now."""
        try:
            return await self._run(
                lambda: self._probe.bucket_exists(self._bucket), self._probe_thread
            )
        except (StoreUnavailable, StoreRefused):
            return False

    async def put(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Store an object, over any that is there."""
        await self._run(
            lambda: self._client.put_object(
                self._bucket, key, io.BytesIO(data), len(data), content_type
            )
        )

    async def put_if_absent(
        self, key: str, data: bytes, *, content_type: str = "application/json"
    ) -> bool:
        """Store an object unless there is one (`If-None-Match: *`); whether it was stored.

        After StoreUnavailable it may have been stored.
        """
        return await self._run(lambda: self._put_if_absent(key, data, content_type))

    def _put_if_absent(self, key: str, data: bytes, content_type: str) -> bool:
        # minio's `put_object` has no place for a condition: it turns unknown headers into metadata.
        url = self._client.get_presigned_url("PUT", self._bucket, key, timedelta(minutes=5))
        answer = self._http.request(
            "PUT",
            url,
            body=data,
            headers={"If-None-Match": "*", "Content-Type": content_type},
            retries=_ONCE,
        )
        if answer.status == 200:
            return True
        if answer.status == 412:
            return False
        if answer.status == 409 or answer.status >= 500:
            # 409: another conditional write of this key is under way; who asks again will know.
            raise StoreUnavailable(f"The S3 store answered {answer.status} to a conditional write.")
        if "xml" in answer.headers.get("content-type", ""):
            raise S3Error.fromxml(answer)
        raise InvalidResponseError(answer.status, answer.headers.get("content-type"), None)

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content."""
        await self._run(
            lambda: self._client.fput_object(
                self._bucket,
                key,
                str(path),
                content_type,
                part_size=_PART,
                # Parallel parts would need threads and memory for each of our own threads.
                num_parallel_uploads=1,
            )
        )

    async def get(self, key: str) -> bytes:
        """An object's content. Raises ObjectMissing."""
        return await self._run(lambda: self._get(key, 0, 0))

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes of an object from byte `start` on, fewer where it ends before.

        Raises ObjectMissing.
        """
        if length <= 0:
            return b""
        return await self._run(lambda: self._get(key, start, length))

    def _get(self, key: str, start: int, length: int) -> bytes:
        try:
            answer = self._client.get_object(self._bucket, key, start, length)
        except S3Error as error:
            if error.code == "InvalidRange":
                return b""
            raise
        with _released(answer):
            return answer.read()

    async def get_file(self, key: str, path: Path) -> None:
        """Write an object's content to a file. Raises ObjectMissing."""
        await self._run(lambda: self._get_file(key, path))

    def _get_file(self, key: str, path: Path) -> None:
        partial = path.with_name(f"{path.name}.part")
        try:
            with _released(self._client.get_object(self._bucket, key)) as answer:
                with partial.open("wb") as file:
                    for chunk in answer.stream(_CHUNK):
                        file.write(chunk)
                partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    async def stat(self, key: str) -> StoredObject | None:
        """An object's description; None if there is none."""
        try:
            found = await self._run(lambda: self._client.stat_object(self._bucket, key))
        except ObjectMissing:
            return None
        return StoredObject(key, found.size or 0, f"{found.etag} {found.last_modified}")

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object below a prefix, in the order of their keys."""
        found = self._client.list_objects(self._bucket, prefix, recursive=True)
        while page := await self._run(lambda: list(itertools.islice(found, _PAGE))):
            for item in page:
                stamp = f"{item.etag} {item.last_modified}"
                yield StoredObject(item.object_name or "", item.size or 0, stamp)

    async def folders(self, prefix: str, after: str = "") -> AsyncIterator[str]:
        """The names of the folders directly below a prefix, after a given one."""
        # What lies in a folder comes after its own name: "0" is the next character after "/".
        start = f"{prefix}{after}0" if after else None
        found = self._client.list_objects(self._bucket, prefix, start_after=start)
        while page := await self._run(lambda: list(itertools.islice(found, _PAGE))):
            for item in page:
                key = item.object_name or ""
                if key.endswith("/"):
                    yield key.removeprefix(prefix).rstrip("/")

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        await self._run(lambda: self._client.remove_object(self._bucket, key))

    async def close(self) -> None:
        """Close connections and threads; does not wait for calls that hang."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._probe_thread.shutdown(wait=False, cancel_futures=True)
        self._http.clear()
        self._probe_http.clear()

    async def _run(self, call: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            threads or self._threads, lambda: _translated(call)
        )


def _client(settings: StoreSettings, http: urllib3.PoolManager) -> Minio:
    parts = urlsplit(settings.store_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise SettingError(
            f"ECHOBASE_STORE_URL={settings.store_url!r} is not allowed:"
            " http:// or https://, a host and a port"
        )
    return Minio(
        parts.netloc,
        access_key=settings.store_access_key or None,
        secret_key=settings.store_secret_key or None,
        secure=parts.scheme == "https",
        # Given, so that no request is spent on asking for it.
        region=settings.store_region,
        http_client=http,
    )


def _translated(call: Callable[[], T]) -> T:
    """The result of a call, its errors turned into ours."""
    try:
        return call()
    except S3Error as error:
        raise refusal(error.response.status, error.code or "", error.message or "") from error
    except (HTTPError, ServerError, InvalidResponseError) as error:
        raise StoreUnavailable(f"The S3 store is away: {error}") from error


def refusal(
    status: int, code: str, message: str
) -> StoreUnavailable | ObjectMissing | StoreRefused:
    """What an error answer of S3 means to us."""
    if code == "NoSuchKey":
        return ObjectMissing(f"The object is not in the store: {message}")
    if status in (401, 403):
        # Not for good: a server that starts knows its keys late, and a site may change them.
        return StoreUnavailable(f"The S3 store refuses our keys ({code}): check {_KEYS}.")
    if status >= 500 or status in (408, 429) or code in _TRANSIENT:
        return StoreUnavailable(f"The S3 store answered {status} {code}: {message}")
    return StoreRefused(f"The S3 store refuses the object: {status} {code}: {message}")


@contextlib.contextmanager
def _released(
    answer: urllib3.BaseHTTPResponse,
) -> Generator[urllib3.BaseHTTPResponse, None, None]:
    try:
        yield answer
    finally:
        answer.close()
        answer.release_conn()
