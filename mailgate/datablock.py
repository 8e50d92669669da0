"""The text of a mail as it comes after DATA: blocks in, the mail out (RFC 5321 4.5.2).

Only CR LF . CR LF ends a mail. A CR or LF that stands alone makes it refused: one server takes such a
mail for one, another for two (SMTP smuggling, RFC 5321 2.3.8). Each block is looked at once, whatever its
size, so one byte at a time and lines without end cost no more than any other mail; and the one buffer
becomes the mail without a copy.
"""

from __future__ import annotations

import io

from mailgate.errors import Smuggling

_END = b"\r\n.\r\n"


class DataBlocks:
    """Collects one mail of at most `limit` bytes; what is beyond is counted, not kept.

    `received` counts the bytes as they came, `size` those of the mail; `held` those
    in memory, also after `take`.
    """

    def __init__(self, limit: int) -> None:
        self.received = 0
        self.size = 0
        self.ended = False
        self.held = 0
        self._limit = limit
        self._buffer = io.BytesIO()
        # The end of the DATA line itself: a mail may begin with its final dot, or with a stuffed one.
        self._carry = b"\r\n"
        self._first = True

    @property
    def too_large(self) -> bool:
        return self.size > self._limit

    def feed(self, block: bytes) -> bytes:
        """Take the next block; when it ends the mail, return what came after. Raises Smuggling."""
        self.received += len(block)
        block = self._carry + block
        end = block.find(_END)
        if end >= 0:
            self.ended = True
            self._keep(block[: end + 2])
            return block[end + len(_END) :]
        held = next((n for n in (4, 3, 2, 1) if block.endswith(_END[:n])), 0)
        self._carry = _END[:held]
        self._keep(block[:-held] if held else block)
        return b""

    def take(self) -> bytes:
        """The mail, with CR LF line ends and dots unstuffed; only once."""
        buffer, self._buffer = self._buffer, io.BytesIO()
        return buffer.getvalue()

    def _keep(self, text: bytes) -> None:
        """Keep `text`, which never breaks off inside a CR LF, nor between it and a dot."""
        if not text:
            return
        pairs = text.count(b"\r\n")
        if text.count(b"\r") != pairs or text.count(b"\n") != pairs:
            raise Smuggling("A bare CR or LF in the mail")
        text = text.replace(b"\r\n.", b"\r\n")
        if self._first:
            text = text[2:]
            self._first = False
        self.size += len(text)
        if self.too_large:
            self._buffer = io.BytesIO()
        else:
            self._buffer.write(text)
        self.held = self._buffer.tell()
