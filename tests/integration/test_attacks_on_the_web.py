"""What strangers send to the pages: numbers no database holds, names for our host, and nothing at all."""

from __future__ import annotations

import resource
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

_FILES = 512


@contextmanager
def few_files() -> Iterator[None]:
    """What is started may have no more than these."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("web") / "home"
    new_instance(home, extra='web.listen = "127.0.0.1:0"\nweb.url = "https://t.example.org"').close()
    with few_files():
        started = Daemon(home)
    with started:
        raw = f"From: ann@x.example\r\nTo: {LIST}\r\nSubject: Disk\r\n\r\nfull\r\n".encode()
        with smtplib.SMTP(*started.smtp) as session:
            session.sendmail("ann@x.example", [LIST], raw)
        wait_until(lambda: said(started, b"/t/1").startswith(b"HTTP/1.1 200"), 20)
        yield started
        started.stop()


def address(daemon: Daemon) -> tuple[str, int]:
    host, _, port = str(daemon.ready["http"]).rpartition(":")
    return host, int(port)


def said(daemon: Daemon, path: bytes, host: bytes = b"t.example.org", method: bytes = b"GET") -> bytes:
    """All that is answered."""
    with socket.create_connection(address(daemon), timeout=20) as client:
        client.sendall(
            method + b" " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        )
        found = b""
        while piece := client.recv(65536):
            found += piece
    return found


@pytest.mark.parametrize(
    "path",
    [
        *(
            b"/t/" + number
            for number in (b"9" * 5000, b"9" * 19, b"-1", b"0", b"01", b"%D9%A1", b"1%00", b"x")
        ),
        *(b"/t/1/" + number for number in (b"9" * 5000, b"0", b"", b"1/", b"2")),
        *(b"/leave/osg-general/%00/%ff", b"/confirm/osg-general/AABi/%00", b"//t/1", b"/t/../t/1", b"*"),
    ],
)
def test_where_nothing_is_there_is_nothing(daemon: Daemon, path: bytes) -> None:
    answer = said(daemon, path)
    assert answer.startswith(b"HTTP/1.1 404 "), path
    assert b"location" not in answer.lower()


@pytest.mark.parametrize("path", [b"/t/1/", b"/t/1", b"/leave/osg-general/"])
def test_no_answer_says_what_a_client_calls_us(daemon: Daemon, path: bytes) -> None:
    assert b"evil.example" not in said(daemon, path, host=b"evil.example")


def _is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_clients_that_say_nothing_take_no_file_from_the_mail(daemon: Daemon) -> None:
    with ExitStack() as stack:
        silent = []
        for _ in range(_FILES + 100):
            client = stack.enter_context(socket.create_connection(address(daemon), timeout=20))
            client.sendall(b"GET /t/1 HTTP/1.1\r\nX-Slow: ")
            silent.append(client)
        with smtplib.SMTP(*daemon.smtp, timeout=10) as session:
            assert session.noop()[0] == 250
        # Those that were let in are ended as well, and others are served again.
        wait_until(lambda: all(map(_is_closed, silent)), 30)
        assert said(daemon, b"/t/1").startswith(b"HTTP/1.1 200")


def test_a_form_that_never_ends_is_ended(daemon: Daemon) -> None:
    head = b"POST /leave/osg-general/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\nList-"
    with socket.create_connection(address(daemon), timeout=20) as client:
        client.sendall(head)
        wait_until(lambda: _is_closed(client), 30)
