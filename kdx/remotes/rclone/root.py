"""One folder of one remote, asked through rclone: its root as rclone writes it, its kind, and what is found there.

Knows nothing of what kdx wants of a place; that is in the package itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from http.client import HTTPResponse
from typing import Any

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.remotes.rclone import faults
from kdx.remotes.rclone.backends import NO_TIME_KEPT, Backend, backend_of
from kdx.remotes.rclone.engine import Engine, Gone, Refused, engine_for
from kdx.remotes.rclone.login import Login, login_of
from kdx.remotes.rclone.names import to_rclone
from kdx.remotes.together import AT_ONCE


class Root:
    """Where a place begins. Connects when it is first asked."""

    def __init__(self, location: Location, network: Network, patience: float) -> None:
        """`patience` is in seconds: after so long an answer is given up."""
        self.location, self._network, self._patience = location, network, patience

    @cached_property
    def about(self) -> dict[str, Any]:
        """What rclone says of this kind of remote."""
        with self.reading(""):
            return self.ask("operations/fsinfo")

    @cached_property
    def backend(self) -> Backend:
        """What is known about this kind of remote."""
        return backend_of(self._configured[0])

    @property
    def login(self) -> Login:
        """When the login ends, as far as rclone's configuration says."""
        return self._configured[1]

    @property
    def address(self) -> str:
        """Where the service answers by HTTP, as far as that is known; "" where it is not."""
        settings, _login = self._configured
        return self.backend.address or settings.get("url", "") or settings.get("endpoint", "")

    @cached_property
    def fs(self) -> str:
        """The root as rclone writes it; what stands between the comma and the colon goes before the configuration."""
        return f"{self.location.host},{','.join(self.backend.options)}:{to_rclone(self.location.path)}"

    @property
    def has_folders(self) -> bool:
        """Whether empty folders exist there."""
        return bool(self.about["Features"].get("CanHaveEmptyDirectories"))

    @property
    def folds_case(self) -> bool:
        """Whether `readme.txt` is taken for `README.txt`."""
        return bool(self.about["Features"].get("CaseInsensitive"))

    @property
    def keeps_no_time(self) -> bool:
        """Whether neither a digest nor our time is kept, so that the service's own time must tell a change."""
        return not self.backend.store_md5 and self.about["Precision"] >= NO_TIME_KEPT

    @property
    def engine(self) -> Engine:
        """The rclone that works for this process."""
        try:
            return engine_for(self._network)
        except Gone as error:
            raise faults.reading_failed(error, "", self.location) from error

    def ask(self, command: str, **parameters: Any) -> dict[str, Any]:
        """Ask about this root. Refused, Gone."""
        return self.engine.call(command, self._patience, fs=self.fs, **parameters)

    def found(self, path: str, files_only: bool = True) -> dict[str, Any] | None:
        """Return what rclone finds under a name. Refused, Gone."""
        item: dict[str, Any] | None = self.ask("operations/stat", **self._stat(path, files_only))["item"]
        return item

    def found_each(self, paths: Sequence[str]) -> Iterator[dict[str, Any] | None]:
        """Yield what rclone finds under each name, several asked for at once; None too where it could not tell."""
        for answer in self._ask_each("operations/stat", [self._stat(path) for path in paths]):
            yield answer.get("item")

    def listed(self, folder: str) -> list[dict[str, Any]]:
        """Return what rclone lists directly in a folder. Refused, Gone."""
        return list(self.ask("operations/list", **self._list(folder))["list"])

    def listed_each(self, folders: Sequence[str]) -> Iterator[list[dict[str, Any]] | Refused]:
        """Yield what rclone lists directly in each folder, or why it does not; several asked for at once. Gone."""
        for answer in self._ask_each("operations/list", [self._list(folder) for folder in folders]):
            failed = Refused(answer.get("status", 500), str(answer.get("error", "")))
            yield answer["list"] if "list" in answer else failed

    def opened(self, path: str, start: int) -> AbstractContextManager[HTTPResponse]:
        """Open a file from an offset (Engine.opened). Refused, Gone."""
        return self.engine.opened(self.fs, to_rclone(path), start, self._patience)

    def is_there(self) -> bool:
        """Whether a root in which nothing is listed is there at all: some kinds list what is missing as empty."""
        parent, slash, name = to_rclone(self.location.path).rpartition("/")
        if not parent or not self.has_folders:
            return True
        above = self.fs.removesuffix(slash + name)
        item = self.engine.call("operations/stat", self._patience, fs=above, remote=name)["item"]
        return item is not None and bool(item["IsDir"])

    def is_only_empty(self, error: Refused, folder: str) -> bool:
        """Whether a root that is not found is one without a file yet: a bucket has no folders, only names."""
        if folder or not faults.is_absent(error) or self.has_folders:
            return False
        bucket, slash, prefix = to_rclone(self.location.path).partition("/")
        root = self.fs.removesuffix(slash + prefix)
        if slash:
            self.engine.call("operations/list", self._patience, fs=root, remote="", opt={"dirsOnly": True})
        return bool(slash)

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Turn rclone's words into what they mean for the one who reads `path`."""
        try:
            yield
        except (Refused, Gone) as error:
            raise faults.reading_failed(error, path, self.location) from error

    @cached_property
    def _configured(self) -> tuple[Mapping[str, str], Login]:
        """Type, vendor and address of the remote, and its login; its secrets are not kept."""
        with self.reading(""):
            known = self.engine.call("config/get", self._patience, name=self.location.host)
        names = ("type", "vendor", "url", "endpoint")
        return {name: str(known[name]) for name in names if name in known}, login_of(known)

    def _ask_each(self, command: str, parameters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        asked = [{"_path": command, "fs": self.fs, **each} for each in parameters]
        return list(self.engine.call("job/batch", self._patience, inputs=asked, concurrency=AT_ONCE)["results"])

    def _list(self, folder: str) -> dict[str, Any]:
        return {"remote": to_rclone(folder), "opt": self._wanted}

    def _stat(self, path: str, files_only: bool = True) -> dict[str, Any]:
        return {"remote": to_rclone(path), "opt": {**self._wanted, "filesOnly": files_only}}

    @cached_property
    def _wanted(self) -> dict[str, Any]:
        return {"noMimeType": True, "showHash": self.backend.store_md5, "hashTypes": ["md5"]}
