"""Tell what a person wrote from what they quote and how they sign; one pass, nothing lost.

Every rule looks at one line, or at a fixed number of lines near it, never at more of a line than the
first few hundred characters: published strippers stop for minutes on small hostile texts.
"""

from __future__ import annotations

import re
from enum import Enum

from mailgate.message import SeparatedText

# Longer lines are text: no client writes such an attribution or header.
_MAX_LINE = 400
_MAX_SIGNATURE = 25
_MAX_FOOTER = 12

_QUOTE = re.compile(r"[ \t]{0,4}>(?!From )")
_INDENT = "    "

# How an attribution ends, or what verb stands in its middle, in the languages of our correspondents.
_VERBS = (
    "wrote|writes|said|schrieb|geschrieben|a écrit|a ecrit|escribió|escribio|ha scritto|scrisse|escreveu|"
    "schreef|skrev|kirjoitti|napisał|napisała|napisał\\(a\\)|pisze|napsal|napsala|napsal\\(a\\)|napísal|"
    "пишет|писал|писала|написал|написала|написал\\(а\\)|пише|написа|írta|έγραψε|yazdı|a scris|đã viết|"
    "כתב|כתבה|كتب|写道|寫道|のメール|님이 작성|작성"
)
_VERB = re.compile(rf"(?:^|[\s,>）)\"])(?:{_VERBS})(?=[\s:：(]|$)|(?:写道|寫道|작성|のメール)", re.IGNORECASE)
_OPENING = re.compile(
    r"\ufeff?(?:On|At|Am|Le|El|Il|Em|Op|Den|På|Dne|Dnia|W dniu|V|La|Στις|Pe|Vào|Kl|بتاريخ|ב)\b\s?|[在于於]|"
    r"(?:\d{1,4}[-./年]\s?\d{1,2}[-./月])",
    re.IGNORECASE,
)
# "2026-11-22 10:00 GMT+01:00 Ann <ann@x.example>:" has no verb in any language.
_DATED = re.compile(r"\d{4}[-/.年]\d\d?[-/.月]\d\d?(?:\b|日)[^<>]{0,200}<[^<>\s]{1,200}>\s*[:：]$")
_MOMENT = re.compile(r"\d{1,2}:\d\d|\b(?:19|20)\d\d\b|[^\s@]@[^\s@]")

_DASHES = "[-‐‑–—]{2,}"
_ORIGINAL = re.compile(
    rf"[ \t]*{_DASHES}\s*(?:Original Message|Original Appointment|Ursprüngliche Nachricht|Originalnachricht|"
    r"Message d'origine|Message original|Mensaje original|Messaggio originale|Oorspronkelijk bericht|"
    r"Mensagem original|Originalmeddelande|Ursprungligt meddelande|Oprindelig meddelelse|"
    r"Opprinnelig melding|Alkuperäinen viesti|Wiadomość oryginalna|Původní zpráva|Pôvodná správa|"
    r"Eredeti üzenet|Исходное сообщение|Оригинальное сообщение|Reply Message|原始邮件|原始郵件|邮件原件|"
    r"元のメッセージ|원본 메시지|Orijinal İleti|Mesaj original)\s*" + _DASHES + r"[ \t]*",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"[ \t]*(?:-{2,}\s*(?:Forwarded [Mm]essage|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado|"
    r"Messaggio inoltrato|Doorgestuurd bericht|Mensagem encaminhada|Пересылаемое сообщение|转发的邮件|"
    r"転送メッセージ|Vidarebefordrat meddelande|Videresendt besked)\b.{0,80}|Begin forwarded message:[ \t]*)",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"[ \t]*\*?(?:From|Von|De|Da|Van|Från|Fra|Od|От|Від|Lähettäjä|Feladó|Kimden|Από|发件人|寄件者|"
    r"差出人|보낸 사람)"
    r"\s{0,3}\*?\s{0,3}[:：]\*?\s{0,9}\S",
    re.IGNORECASE,
)
_OTHER_HEADS = tuple(
    re.compile(rf"[ \t]*\*?(?:{names})\s{{0,3}}\*?\s{{0,3}}[:：]", re.IGNORECASE)
    for names in (
        "Sent|Date|Gesendet|Datum|Envoyé|Enviado|Enviado el|Fecha|Inviato|Data|Verzonden|Skickat|Sendt|Dato|"
        "Wysłano|Odesláno|Отправлено|Дата|Lähetetty|Elküldve|Gönderildi|发送时间|發送時間|日期|"
        "送信日時|보낸 날짜",
        "To|An|À|Para|A|Aan|Till|Til|Do|Komu|Кому|Vastaanottaja|Címzett|Kime|收件人|收件者|宛先|받는 사람",
        "Subject|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|Ämne|Emne|Temat|Předmět|Тема|Aihe|Tárgy|"
        "Konu|主题|主旨|件名|제목",
    )
)

_RULE = re.compile(r"[_]{20,}[ \t]*")
_DEVICE = re.compile(
    r"(?:Sent from my |Sent from Mail for |Sent via |Get Outlook for |Sent with |Von meinem |Gesendet von |"
    r"Von meinem|Envoyé de mon |Envoyé depuis mon |Enviado desde mi |Enviado do meu |Inviato da |"
    r"Verstuurd vanaf |Verzonden vanaf |Skickat från |Sendt fra |Отправлено с |发自我的|iPhoneから送信)",
    re.IGNORECASE,
)


class _Kind(Enum):
    NEW = "new"
    QUOTED = "quoted"
    SIGNATURE = "signature"


def separate(text: str) -> SeparatedText:
    """Part `text` into what is new, quoted, and signature; each keeps its lines in order.

    Answers between and below quotes are new. What stands below an answer without marks, as Outlook puts
    it, is quoted to the end; where nothing stands above it, the answers are in it, and it stays new. So
    does a forwarded message: it is what its sender has to say. Blank lines at the edges of a part go.
    """
    lines = text.split("\n")
    kinds = [_Kind.QUOTED if _QUOTE.match(line) else _Kind.NEW for line in lines]
    notes: list[str] = []
    _mark_blocks(lines, kinds, notes)
    _mark_attributions(lines, kinds, notes)
    _mark_footer(lines, kinds, notes)
    _mark_signatures(lines, kinds)
    _mark_device_lines(lines, kinds)
    _fill_blank(lines, kinds)
    new, quoted, signature = (_collect(lines, kinds, kind) for kind in _Kind)
    return SeparatedText(new, quoted, signature, tuple(notes))


def _collect(lines: list[str], kinds: list[_Kind], kind: _Kind) -> str:
    return "\n".join(line for line, each in zip(lines, kinds, strict=True) if each is kind).strip("\n")


def _mark_blocks(lines: list[str], kinds: list[_Kind], notes: list[str]) -> None:
    """Mark the first block of an original message; to the end of the text where an answer stands above."""
    for index, line in enumerate(lines):
        if kinds[index] is not _Kind.NEW or len(line) > _MAX_LINE:
            continue
        if _FORWARDED.fullmatch(line):
            return
        if _ORIGINAL.fullmatch(line) or _is_header_block(lines, index):
            start = _block_start(lines, index)
            end = len(lines) if _is_whole(lines, kinds, start, index) else _block_end(lines, index)
            kinds[start:end] = [_Kind.QUOTED] * (end - start)
            notes.append("original message block")
            return


def _is_whole(lines: list[str], kinds: list[_Kind], start: int, index: int) -> bool:
    """Whether all below a block is the original: an answer stands above, and no marks begin in the block."""
    below = _next_text(lines, index + 1)
    marked = below is not None and kinds[below] is _Kind.QUOTED
    return not marked and any(kinds[i] is _Kind.NEW and lines[i].strip() for i in range(start))


def _block_end(lines: list[str], index: int) -> int:
    """Where the header of a block that begins at `index` ends."""
    for end in range(index + 1, min(len(lines), index + 16)):
        if not lines[end].strip():
            return end
    return index + 1


def _is_header_block(lines: list[str], index: int) -> bool:
    """Whether the header of an original message, as clients print it, begins at `index`."""
    if not _FROM.match(lines[index]):
        return False
    near = [line[:_MAX_LINE] for line in lines[index + 1 : index + 8]]
    return sum(any(head.match(line) for line in near) for head in _OTHER_HEADS) >= 2


def _block_start(lines: list[str], index: int) -> int:
    """Where a block begins: clients draw a line above its header."""
    previous = next((i for i in range(index - 1, max(-1, index - 3), -1) if lines[i].strip()), None)
    return previous if previous is not None and _RULE.fullmatch(lines[previous][:_MAX_LINE]) else index


def _next_text(lines: list[str], index: int, reach: int = 5) -> int | None:
    """The first line with text of the `reach` lines from `index` on."""
    return next((i for i in range(index, min(len(lines), index + reach)) if lines[i].strip()), None)


def _mark_attributions(lines: list[str], kinds: list[_Kind], notes: list[str]) -> None:
    """Mark the lines that say who wrote the quote below them, and quotes that bear no marks of their own."""
    has_text, has_quote = False, False
    for index, line in enumerate(lines):
        start = _attribution_start(lines, kinds, index) if line.rstrip()[-1:] in (":", "：") else None
        if start is not None:
            below = _next_text(lines, index + 1)
            marked = below is not None and kinds[below] is _Kind.QUOTED
            if marked or _is_telling(lines[start : index + 1]):
                kinds[start : index + 1] = [_Kind.QUOTED] * (index + 1 - start)
            if below is not None and not marked and _is_telling(lines[start : index + 1]):
                notes.append("quote without marks")
                return _mark_below(lines, kinds, below, whole=has_text and not has_quote)
        has_text = has_text or (kinds[index] is _Kind.NEW and bool(line.strip()))
        has_quote = has_quote or kinds[index] is _Kind.QUOTED
    return None


def _mark_below(lines: list[str], kinds: list[_Kind], start: int, *, whole: bool) -> None:
    """Mark a quote without marks: the indented lines, or all where the answer stands above."""
    indented = lines[start].startswith(_INDENT)
    for index in range(start, len(lines)):
        if (indented and lines[index].startswith(_INDENT)) or (whole and not indented):
            kinds[index] = _Kind.QUOTED


def _attribution_start(lines: list[str], kinds: list[_Kind], end: int) -> int | None:
    """Where the attribution that ends at `end` begins; clients break it over at most three lines."""
    if len(lines[end]) > _MAX_LINE or kinds[end] is not _Kind.NEW:
        return None
    for start in range(end, max(-1, end - 3), -1):
        line = lines[start].strip()
        if not line or kinds[start] is not _Kind.NEW or len(line) > _MAX_LINE:
            break
        joined = " ".join(each.strip() for each in lines[start : end + 1])
        if _OPENING.match(line) and (_VERB.search(joined) or _DATED.match(joined)):
            return start
    # "Ann Lee <ann@x.example> writes:" opens with the name.
    return end if _VERB.search(lines[end].rstrip()[-40:]) else None


def _is_telling(lines: list[str]) -> bool:
    joined = " ".join(line.strip() for line in lines)
    return bool(_OPENING.match(joined) and len(_MOMENT.findall(joined)) >= 2)


def _mark_footer(lines: list[str], kinds: list[_Kind], notes: list[str]) -> None:
    """Mark what a list manager adds at the end: a rule, its name, its addresses."""
    for index in range(len(lines) - 1, max(-1, len(lines) - 1 - _MAX_FOOTER), -1):
        if kinds[index] is not _Kind.NEW or not _RULE.fullmatch(lines[index][:_MAX_LINE]):
            continue
        below = [line for line in lines[index + 1 :] if line.strip()]
        if any("@" in line or "http" in line for line in below):
            kinds[index:] = [_Kind.SIGNATURE] * (len(lines) - index)
            notes.append("list footer")
        return


def _mark_signatures(lines: list[str], kinds: list[_Kind]) -> None:
    """Mark what follows `-- ` (RFC 3676 4.3) up to a quote, another separator or the end."""
    end = len(lines)
    for index in range(len(lines) - 1, -1, -1):
        if kinds[index] is not _Kind.NEW:
            end = index
        elif lines[index].startswith("@@ -"):
            # In a patch "-- " is a line taken away.
            return
        elif lines[index] in ("-- ", "--", "--\xa0"):
            if end - index <= _MAX_SIGNATURE:
                kinds[index:end] = [_Kind.SIGNATURE] * (end - index)
            end = index


def _mark_device_lines(lines: list[str], kinds: list[_Kind]) -> None:
    """Mark "Sent from my ..." where it closes what is new."""
    closes = True
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if kinds[index] is not _Kind.NEW:
            closes = True
        elif line:
            if closes and len(line) <= 80 and _DEVICE.match(line):
                kinds[index] = _Kind.SIGNATURE
            closes = False


def _fill_blank(lines: list[str], kinds: list[_Kind]) -> None:
    """Give blank lines to what stands below them: so paragraphs stay apart where a quote goes out between."""
    below = kinds[-1]
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].strip():
            below = kinds[index]
        elif kinds[index] is _Kind.NEW:
            kinds[index] = below
