"""A DNS server of our own on loopback, which knows some records and nothing else."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer:
    """Serves `texts` (name: record) by UDP while the context lasts; `silent`: answers nothing.

    `others` are records of other kinds, by name and kind; of the names in `failing` it says that it failed.
    """

    def __init__(
        self,
        texts: dict[str, str],
        *,
        silent: bool = False,
        others: dict[tuple[str, str], list[str]] | None = None,
        failing: Iterable[str] = (),
    ) -> None:
        self.texts = {name.lower().rstrip("."): text for name, text in texts.items()}
        self.others = others or {}
        self.failing = set(failing)
        self.silent = silent
        self.asked: list[str] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                answer = outer.answer(data)
                if answer is not None:
                    sock.sendto(answer, self.client_address)

        self._server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def answer(self, data: bytes) -> bytes | None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        text = self.texts.get(name)
        others = self.others.get((name, dns.rdatatype.to_text(question.rdtype)))
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif others is not None:
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, others))
        elif text is None and all(name != known for known, _ in self.others):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif text is not None and question.rdtype == dns.rdatatype.TXT:
            pieces = " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", pieces))
        return response.to_wire()

    def __enter__(self) -> DnsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
