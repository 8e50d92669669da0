"""The courier that speaks SMTP to a smarthost, over one connection kept for many mails.

Where the server allows it, the commands of the next mail travel behind the content of this one
(RFC 2920 3.1): one packet there and one back for each copy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailgate.courier import Copy, Outcome, Result, is_sendable
from mailgate.courier_wire import Answer, Features, Session, Smarthost, Trouble, wire_form

# The server wants other things of us (a login, TLS, another order): no fault of the recipient's.
_OUR_FAULT = frozenset({503, 530, 534, 535, 538})


class SmtpCourier:
    """Sends copies to `smarthost`; whatever goes wrong there becomes an Outcome."""

    def __init__(self, smarthost: Smarthost) -> None:
        self._smarthost = smarthost
        # A session belongs to the `send` under way, and rests here between two of them.
        self._idle: Session | None = None

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        """One outcome for every copy, in order.

        4yz and a lost connection defer, 5yz fails. A copy that was sent and not answered is deferred: it
        may come twice, under one Message-ID, and never not at all.
        """
        waiting = deque(copies)
        while waiting:
            yield from self._through_one_session(waiting)

    def close(self) -> None:
        """Take leave of the server; the next `send` connects anew."""
        session, self._idle = self._idle, None
        if session is not None:
            session.quit()

    def _through_one_session(self, waiting: deque[Copy]) -> Iterator[Outcome]:
        """Carry what one connection takes; defer all of `waiting` when a connection takes nothing."""
        try:
            session = self._ready_session()
        except Trouble as trouble:
            yield from _deferred(waiting, trouble)
            return
        try:
            yield from _carry(session, waiting)
        except Trouble as trouble:
            session.abandon()
            # A server that took mail over this connection may do so over the next (a limit, a restart).
            if session.carried == 0:
                yield from _deferred(waiting, trouble)
        finally:
            self._put_away(session, in_step=not waiting or session.is_full)

    def _ready_session(self) -> Session:
        session = self._idle
        if session is None or session.is_full or session.is_stale():
            self.close()
            return Session.open(self._smarthost)
        self._idle = None
        return session

    def _put_away(self, session: Session, in_step: bool) -> None:
        """Keep `session` for the next `send`, unless it is closed or answers are still under way."""
        if not (session.is_open and in_step):
            # The reader went away before the end.
            session.abandon()
            return
        self.close()
        self._idle = session


def _deferred(waiting: deque[Copy], trouble: Trouble) -> Iterator[Outcome]:
    while waiting:
        yield Outcome(waiting.popleft().delivery, Result.DEFERRED, str(trouble))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of an envelope; `wants_content`: the server said 354, whatever it said before."""

    refusal: Answer | None
    wants_content: bool


def _carry(session: Session, waiting: deque[Copy]) -> Iterator[Outcome]:
    """Send copies till none waits or the session is full; each leaves `waiting` when answered."""
    is_asked = False
    while waiting and not session.is_full:
        copy = waiting[0]
        if objection := _objection(copy, session.features):
            waiting.popleft()
            yield Outcome(copy.delivery, Result.FAILED, objection)
            continue
        verdict = _ask(session, copy, is_asked)
        following = _following(session, waiting)
        is_asked = following != b""
        try:
            session.send(_content(copy, verdict), following)
            final = session.final_answer()
        except Trouble as trouble:
            session.abandon()
            waiting.popleft()
            lost = Outcome(copy.delivery, Result.DEFERRED, str(trouble))
            yield _outcome(copy, verdict.refusal) if verdict.refusal else lost
            raise
        waiting.popleft()
        session.carried += 1
        yield _outcome(copy, verdict.refusal or final)


def _objection(copy: Copy, features: Features) -> str:
    """Why this server cannot be given `copy`, or ""."""
    if not is_sendable(copy):
        return "553 5.1.3 not an address that can be sent"
    if not features.utf8 and not _is_ascii(copy):
        return "553 5.6.7 the server takes no address beyond ASCII"
    if 0 < features.size < len(copy.content):
        return f"552 5.3.4 larger than the {features.size} octets the server takes"
    return ""


def _ask(session: Session, copy: Copy, is_asked: bool) -> _Verdict:
    """Offer the envelope of `copy`, unless it is on its way already, and hear all there is to hear."""
    commands = _commands(copy, session.features)
    in_one_go = session.features.pipelining
    if in_one_go and not is_asked:
        session.send(*commands)
    refusal: Answer | None = None
    wants_content = False
    for command, expected in zip(commands, (2, 2, 3), strict=True):
        if not in_one_go:
            session.send(command)
        answer = session.answer()
        wants_content = answer.code == 354
        if answer.code // 100 not in (expected, 4, 5):
            # Answers no longer belong to the commands we think: a 250 could be that of another mail.
            raise Trouble(f"out of step: {answer}")
        if answer.code // 100 != expected:
            refusal = refusal or answer
            if not in_one_go:
                break
    return _Verdict(refusal, wants_content)


def _commands(copy: Copy, features: Features) -> tuple[bytes, bytes, bytes]:
    options = ""
    if features.size_known:
        options += f" SIZE={len(copy.content)}"
    # Where it is not offered the octets go as they are, against RFC 6152 3: to encode them anew would break
    # the author's signatures, and servers pass them on.
    if features.eight_bit and not copy.content.isascii():
        options += " BODY=8BITMIME"
    if not _is_ascii(copy):
        options += " SMTPUTF8"
    mail, rcpt = f"MAIL FROM:<{copy.reverse_path}>{options}\r\n", f"RCPT TO:<{copy.recipient}>\r\n"
    return mail.encode(), rcpt.encode(), b"DATA\r\n"


def _is_ascii(copy: Copy) -> bool:
    return copy.reverse_path.isascii() and copy.recipient.isascii()


def _following(session: Session, waiting: deque[Copy]) -> bytes:
    """The commands of the copy after the first, when they may travel with its content; else nothing."""
    is_last = len(waiting) < 2 or session.is_on_its_last
    if is_last or not session.features.pipelining or _objection(waiting[1], session.features):
        return b""
    return b"".join(_commands(waiting[1], session.features))


def _content(copy: Copy, verdict: _Verdict) -> bytes:
    """What ends the transaction, with one answer in any case."""
    if verdict.refusal is None:
        return wire_form(copy.content)
    # RFC 2920 3.1: a server may refuse every recipient and still say 354; a lone dot gets out of it.
    return b".\r\n" if verdict.wants_content else b"RSET\r\n"


def _outcome(copy: Copy, answer: Answer) -> Outcome:
    if answer.code // 100 == 2:
        return Outcome(copy.delivery, Result.SENT, str(answer))
    is_final = answer.code // 100 == 5 and answer.code not in _OUR_FAULT
    return Outcome(copy.delivery, Result.FAILED if is_final else Result.DEFERRED, str(answer))
