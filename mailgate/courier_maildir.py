"""The courier that writes a Maildir: where mail goes while there is no smarthost, to be read at leisure."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from mailgate.courier import Copy, Outcome, Result, is_sendable
from mailgate.errors import printable

# So many copies share one wait for the disk, and hold a file descriptor each.
_BATCH = 32


class MaildirCourier:
    """Each copy a file in `folder`/new, with Return-Path and Delivered-To on top."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = itertools.count()
        # The characters that a file name of a Maildir may not hold have their own spelling there.
        self._host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        """One outcome for every copy, in order, each told when its file is safe on disk."""
        for start in range(0, len(copies), _BATCH):
            yield from self._deliver(copies[start : start + _BATCH])

    def close(self) -> None:
        """Nothing is held open."""

    def _deliver(self, copies: Sequence[Copy]) -> list[Outcome]:
        """The outcomes of one batch; all of it is deferred when any of it cannot be stored."""
        try:
            self._store([copy for copy in copies if is_sendable(copy)])
        except OSError as error:
            why = printable(f"451 4.3.0 {error.strerror or error}")
            return [Outcome(copy.delivery, Result.DEFERRED, why) for copy in copies]
        return [_outcome(copy) for copy in copies]

    def _store(self, copies: Sequence[Copy]) -> None:
        """Write all files before the first is synced: the file system flushes them together."""
        for name in ("tmp", "new", "cur"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            descriptors: list[int] = []
            paths: list[Path] = []
            for copy in copies:
                path = self._folder / "tmp" / self._unique_name()
                file = stack.enter_context(open(path, "xb", opener=_open_private))
                stack.callback(path.unlink, missing_ok=True)
                file.write(_as_stored(copy))
                file.flush()
                descriptors.append(file.fileno())
                paths.append(path)
            # All or nothing, as far as it goes: a full disk shows before the first is in sight.
            for descriptor in descriptors:
                os.fsync(descriptor)
            for path in paths:
                path.rename(self._folder / "new" / path.name)
            _sync_folder(self._folder / "new")

    def _unique_name(self) -> str:
        now = time.time_ns()
        # The random part parts two couriers of one process.
        unique = f"M{now // 1000 % 10**6:06}P{os.getpid()}Q{next(self._count)}R{os.urandom(4).hex()}"
        return f"{now // 10**9}.{unique}.{self._host}"


def _outcome(copy: Copy) -> Outcome:
    if is_sendable(copy):
        return Outcome(copy.delivery, Result.SENT, "250 2.0.0 stored")
    return Outcome(copy.delivery, Result.FAILED, "553 5.1.3 not an address that can be written")


def _as_stored(copy: Copy) -> bytes:
    # RFC 5321 4.4. Not by the header writer: an address may be UTF-8 (RFC 6532), and it was checked.
    top = f"Return-Path: <{copy.reverse_path}>\nDelivered-To: {copy.recipient}\n".encode()
    return top + copy.content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
