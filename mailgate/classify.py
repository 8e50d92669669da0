"""What a message is: a person's post, or one of the many kinds of automatic mail.

List mail, Precedence: list or bulk, and X-Auto-Response-Suppress are no signs of a robot: people's mail
comes with all of them. They only keep us from answering automatically, which is asked elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailgate.envelope import Envelope
from mailgate.fieldvalues import mime_type, parameter
from mailgate.message import Classified, Disposition, ParsedMessage

_DAEMONS = frozenset({"mailer-daemon", "mailerdaemon", "mail-daemon"})
_POSTMASTERS = frozenset({"postmaster", "mail-deamon", "mailsystem", "mdaemon", "bounce", "bounces"})
_BOUNCE_SUBJECT = re.compile(
    r"(?:undeliver|delivery (?:status|failure|report|has failed|incomplete)|mail delivery|returned mail|"
    r"failure notice|message (?:delayed|undeliverable)|warning: (?:could not send|message)|"
    r"unzustellbar|nicht zugestellt|non remis|non recapitabile|undelivered|could not be delivered)",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"(?:auto(?:matic)?[- ]?(?:reply|response|antwort)|automatische? antwo|automatisch antwoord|autosvar|"
    r"out[- ]of[- ](?:the[- ])?office|ooo\b|vacation|away from|abwesen|réponse automatique|"
    r"réponse d'absence|absence du bureau|respuesta automática|fuera de la oficina|risposta automatica|"
    r"fuori (?:sede|ufficio)|resposta automática|automaattinen vastaus|автоответ|自动回复|自動返信|不在)",
    re.IGNORECASE,
)
_CHALLENGE_SUBJECT = re.compile(
    r"(?:your email requires verification|please confirm your (?:message|e-?mail)|"
    r"confirm(?:ation)? (?:of )?your (?:message|e-?mail)|message waiting for (?:your )?confirmation|"
    r"verify your (?:message|e-?mail) (?:to|for))",
    re.IGNORECASE,
)
_COMMENT_OR_PARAMETER = re.compile(r"[\s;(].*", re.DOTALL)


def classify(envelope: Envelope, message: ParsedMessage) -> Classified:
    """Say what `message` is and why; a person's post unless something speaks against it.

    Finds no command, loop or duplicate: these are known only to whoever knows our keys and our store.
    """
    for kind, reason_of in _STEPS:
        if reason := reason_of(envelope, message):
            return Classified(kind, reason)
    return Classified(Disposition.POST, "nothing says that a program wrote it")


def _bounce(envelope: Envelope, message: ParsedMessage) -> str:
    if _report_type(message) == "delivery-status" or message.bounces:
        return "a delivery report (RFC 3464)"
    local = message.header_from.address.rpartition("@")[0].lower()
    if local in _DAEMONS:
        return f"from {message.header_from.address}"
    if not _is_null(envelope):
        return ""
    if message.header("X-Failed-Recipients"):
        return "null reverse-path and X-Failed-Recipients"
    if local in _POSTMASTERS or _BOUNCE_SUBJECT.match(message.subject):
        return "null reverse-path and the sender or subject of a bounce"
    return ""


def _feedback(_: Envelope, message: ParsedMessage) -> str:
    return "a feedback report (RFC 5965)" if _report_type(message) == "feedback-report" else ""


def _receipt(_: Envelope, message: ParsedMessage) -> str:
    return "a receipt (RFC 8098)" if _report_type(message) == "disposition-notification" else ""


def _challenge(envelope: Envelope, message: ParsedMessage) -> str:
    if "tmda" in message.header("X-Delivery-Agent").lower() and _is_automatic(envelope, message):
        return "a challenge of TMDA"
    if _CHALLENGE_SUBJECT.match(message.subject) and _is_automatic(envelope, message):
        return "automatic, and its subject asks us to prove that we are human"
    return ""


def _auto_reply(envelope: Envelope, message: ParsedMessage) -> str:
    return _automatic_field(message) or _automatic_subject(message) or _null_path(envelope)


def _spam(_: Envelope, message: ParsedMessage) -> str:
    return "X-Spam-Flag: YES" if message.header("X-Spam-Flag").strip().upper() == "YES" else ""


def _unreadable(_: Envelope, message: ParsedMessage) -> str:
    return "" if message.readable else "no parser could read it"


_STEPS: tuple[tuple[Disposition, Callable[[Envelope, ParsedMessage], str]], ...] = (
    (Disposition.BOUNCE, _bounce),
    (Disposition.FEEDBACK, _feedback),
    (Disposition.RECEIPT, _receipt),
    (Disposition.CHALLENGE, _challenge),
    (Disposition.AUTO_REPLY, _auto_reply),
    (Disposition.SPAM, _spam),
    (Disposition.UNREADABLE, _unreadable),
)


def _report_type(message: ParsedMessage) -> str:
    """The report-type of a multipart/report (RFC 6522 3), or ""."""
    value = message.header("Content-Type").encode("utf-8", "replace")
    return parameter(value, "report-type").lower() if mime_type(value) == "multipart/report" else ""


def _is_null(envelope: Envelope) -> bool:
    return envelope.reverse_path in ("", "<>")


def _is_automatic(envelope: Envelope, message: ParsedMessage) -> bool:
    return _is_null(envelope) or bool(_automatic_field(message))


def _automatic_field(message: ParsedMessage) -> str:
    """The field by which a program says that it wrote `message`, or ""."""
    # RFC 3834 5: a token, then parameters or comments; "no" is a person, whatever the comment.
    submitted = _token(message.header("Auto-Submitted"))
    if submitted not in ("", "no"):
        return f"Auto-Submitted: {submitted}"
    for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"):
        if _token(message.header(name)) not in ("", "no"):
            return f"the field {name}"
    precedence = _token(message.header("Precedence"))
    if precedence == "auto_reply" or (precedence == "junk" and not message.header("List-Id")):
        return f"Precedence: {precedence}"
    return ""


def _automatic_subject(message: ParsedMessage) -> str:
    """A subject of automatic answers counts only where another sign stands beside it."""
    if not _AUTO_SUBJECT.match(message.subject):
        return ""
    signs = ("X-Auto-Response-Suppress", "X-Autogenerated", "X-Vacation", "X-OOF", "X-Loop")
    beside = next((name for name in signs if message.header(name)), "")
    if not beside and _token(message.header("Precedence")) in ("bulk", "junk"):
        beside = "Precedence"
    return f"its subject, and the field {beside}" if beside else ""


def _null_path(envelope: Envelope) -> str:
    return "null reverse-path" if _is_null(envelope) else ""


def _token(value: str) -> str:
    return _COMMENT_OR_PARAMETER.sub("", value.strip()).lower()
