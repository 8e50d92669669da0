"""The words by which mail clients give quotes away, in the languages of our correspondents.

All are in lower case, to be compared with `str.casefold`.
"""

from __future__ import annotations

import re
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in text.replace("\n", "|").split("|") if word.strip())


# What stands before the colon in the header that clients print above an original message.
_FROM: Final = _words(
    """from|von|absender|de|expéditeur|remitente|remetente|da|mittente|van|afzender|från|avsändare|fra
    afsender|lähettäjä|feladó|od|odesílatel|odosielateľ|nadawca|от|от кого|отправитель|від|від кого
    kimden|gönderen|από|מאת|من|发件人|發件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|발신
    de la|din partea|saatja|kellelt|no|sūtītājs|nuo|siuntėjas|từ|người gửi|dari|จาก|pošiljatelj|šalje"""
)
_DATE: Final = _words(
    """sent|date|gesendet|gesendet am|datum|envoyé|envoyé le|date d'envoi|date d’envoi|enviado
    enviado el|enviado em|enviada em|fecha|data|inviato|inviato il|verzonden|verzonden op|skickat
    skickad|sendt|dato|lähetetty|päivämäärä|päiväys|elküldve|küldve|dátum|odesláno|odoslané|wysłano
    wysłane|data wysłania|отправлено|дата|дата отправки|надіслано|відправлено|изпратено|gönderildi
    gönderilme|gönderim tarihi|tarih|εστάλη|στάλθηκε|απεστάλη|ημερομηνία|נשלח|תאריך|التاريخ|تاريخ
    أرسلت|تم الإرسال|تاريخ الإرسال|发送时间|已发送|已傳送|发送日期
    發送時間|傳送時間|寄件日期|寄件時間|傳送日期
    时间|日期|送信日時|送信日|日付|日時|보낸 날짜|보낸날짜|날짜|발신일|trimis|trimis la|dată|saadetud
    kuupäev|nosūtīts|datums|išsiųsta|đã gửi|đã gửi lúc|ngày|thời gian|dikirim|tanggal|วันที่|ส่ง
    poslano|sent by|sent on|sent at"""
)
_TO: Final = _words(
    """to|an|empfänger|à|a|destinataire|pour|para|destinatario|destinatário|aan|till|mottagare|til
    modtager|vastaanottaja|címzett|do|komu|adresat|кому|до|получатель|отримувач|kime|alıcı|προς|אל
    לכבוד|נמען|إلى|الى|收件人|收件者|宛先|받는 사람|받는사람|수신|către|catre|pentru|kellele|saaja
    kam|adresāts|gavėjas|đến|tới|người nhận|kepada|ถึง|za|prima"""
)
_SUBJECT: Final = _words(
    """subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|tárgy|předmět|predmet
    temat|тема|относно|предмет|konu|θέμα|נושא|הנדון|الموضوع|موضوع|主题|主題|主旨|標題|标题|件名|題名
    제목|subiect|teema|temats|tema|chủ đề|tiêu đề|perihal|subjek|เรื่อง|zadeva"""
)
_OTHER: Final = _words(
    """cc|bcc|kopie|copia|copie|cópia|kópia|kopio|kopi|másolatot kap|másolat|копия|копія|bilgi|ccc|cci
    cco|cc (ko)|κοιν|κοινοποίηση|עותק|نسخة|نسخة إلى|抄送|副本|抄送人|참조|dw|do wiadomości|kopija
    reply-to|reply to|antwort an|répondre à|importance|wichtigkeit|priorité|priority|attachments
    anlagen|anhänge|anlage|pièces jointes|bijlage|bijlagen|adjuntos|allegati|anexos|附件|添付ファイル
    organization|sent via|list-post"""
)
LABELS: Final[dict[str, str]] = {
    **dict.fromkeys(_OTHER, "other"),
    **dict.fromkeys(_SUBJECT, "subject"),
    **dict.fromkeys(_TO, "to"),
    **dict.fromkeys(_DATE, "date"),
    **dict.fromkeys(_FROM, "from"),
}
# Nobody's client prints these above a quote: who shows them shows the source of a mail.
RAW_LABELS: Final = _words(
    """received|return-path|message-id|mime-version|delivered-to|x-original-to|dkim-signature
    content-type|content-transfer-encoding|references|in-reply-to|authentication-results|received-spf
    arc-seal|x-mailer|user-agent|x-spam-status|x-spam-score|auto-submitted|envelope-to"""
)

# "----- Original Message -----"; the dashes are stripped before.
ORIGINALS: Final = tuple(
    _words(
        """original message|original appointment|original e-mail|original email|original mail
        reply message|replied message|ursprüngliche nachricht|ursprüngl. nachricht|originalnachricht
        original-nachricht|original nachricht|original-mail|message d'origine|message d’origine
        message original|message initial|courriel original|mensaje original|correo original
        messaggio originale|messaggio originario|oorspronkelijk bericht|origineel bericht
        mensagem original|originalmeddelande|ursprungligt meddelande|originalmeddelelse
        oprindelig meddelelse|original meddelelse|opprinnelig melding|original melding
        alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|původní e-mail
        pôvodná správa|eredeti üzenet|исходное сообщение|исходное письмо|оригинальное сообщение
        первоначальное сообщение|вихідне повідомлення|оригінальне повідомлення|оригинално съобщение
        αρχικό μήνυμα|πρωτότυπο μήνυμα|הודעה מקורית|ההודעה המקורית|الرسالة الأصلية|رسالة أصلية
        原始邮件|原始郵件|邮件原件|原邮件|原始信件|原始消息|原郵件|元のメッセージ
        オリジナルメッセージ|원본 메시지|원본 메일|원본메시지|orijinal mesaj|orijinal ileti
        özgün ileti|özgün mesaj|mesaj original|mesajul original|tin nhắn gốc|thư gốc|thư ban đầu
        algne kiri|algne sõnum|sākotnējais ziņojums|pirminis laiškas|pradinis laiškas|pesan asli
        izvorna poruka|izvirno sporočilo|исходна порука"""
    )
)
# "---------- Forwarded message ----------", "Begin forwarded message:"; dashes and colon stripped before.
FORWARDED: Final = tuple(
    _words(
        """forwarded message|forwarded email|forwarded by|forwarded mail|weitergeleitete nachricht
        weitergeleitet von|weitergeleitete mail|message transféré|message réexpédié
        courriel transféré|transféré par|réacheminé par|mensaje reenviado|reenviado por
        messaggio inoltrato|inoltrato da|doorgestuurd bericht|mensagem encaminhada
        mensagem reencaminhada|encaminhado por|vidarebefordrat meddelande|vidarebefordrat mejl
        videresendt besked|videresendt meddelelse|videresendt melding|välitetty viesti
        edelleen lähetetty viesti|wiadomość przekazana dalej|przekazana wiadomość
        treść przekazanej wiadomości|přeposlaná zpráva|preposlaná správa|továbbított üzenet
        továbbított levél|пересылаемое сообщение|пересланное сообщение|переслане повідомлення
        препратено съобщение|προωθημένο μήνυμα|הודעה שהועברה|رسالة معاد توجيهها|رسالة مُعاد توجيهها
        转发的邮件|转发邮件信息|转发邮件|轉寄郵件|轉寄的郵件|轉寄信件|転送メッセージ
        転送されたメッセージ|전달된 메시지|전달된 메일|yönlendirilen ileti|iletilen mesaj
        yönlendirilmiş ileti|mesaj redirecționat|mesaj redirectionat|thư được chuyển tiếp
        edastatud kiri|edastatud sõnum|pārsūtītais ziņojums|pārsūtīta ziņa|persiųstas laiškas
        pesan terusan|proslijeđena poruka|posredovano sporočilo"""
    )
)
FORWARDS_BEGIN: Final = _words(
    """begin forwarded message|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail
    début du message transféré|début du message réexpédié|inicio del mensaje reenviado
    inizio messaggio inoltrato|inizio del messaggio inoltrato|início da mensagem reencaminhada
    início da mensagem encaminhada|begin doorgestuurd bericht|vidarebefordrat brev
    vidarebefordrat mejl|start på videresendt besked|videresendt melding|videresendt brev
    välitetty viesti alkaa|początek przekazywanej wiadomości|začátek přeposlané zprávy
    začiatok preposlanej správy|начало переадресованного сообщения|начало пересылаемого сообщения
    开始转发的邮件|以下是轉寄的信件|轉寄信件內容|転送されたメッセージ|전달된 메시지
    전달된 메시지 시작|i̇letilen ileti başlangıcı|iletilmiş mesaj|továbbított levél kezdete
    αρχή προωθημένου μηνύματος|έναρξη προωθημένου μηνύματος|începutul mesajului redirecționat
    початок переадресованого повідомлення"""
)

# The verb of an attribution, by its last word.
_VERBS: Final = _words(
    """wrote|writes|write|said|says|schrieb|schrieben|geschrieben|écrit|ecrit|écrivait|escribió|escribio
    escribe|scritto|scrisse|scrive|escrit|escriure|escreveu|escrevia|schreef|schrijft|geschreven
    skrev|skrifaði|kirjoitti|kirjutas|napisał|napisała|napisał(a|pisze|napsal|napsala|napsal(a
    napísal|napísala|napísal(a|píše|пишет|писал|писала|написал|написала|написал(а|пише|написав|написа
    írta|írt|έγραψε|γράφει|yazdı|yazmış|scris|viết|rakstīja|rašė|parašė|napisao|napisala|pisal|pisala
    написао|menulis|כתב|כתבה|כתב/ה|كتب|كتبت|كتابة|نوشت|เขียน|เขียนว่า"""
)
# In languages without blanks between words.
_UNSPACED_VERBS: Final = (
    *("写道", "寫道", "写到", "のメール", "のメッセージ", "は書きました", "が書きました", "さんが書いた"),
    *("님이 작성", "님의 말", "작성:", "쓴 글"),
)
_AROUND_WORDS: Final = " \t\xa0,.:：;()[]<>\"'“”„«»*_-\u200e\u200f\u202a\u202c"


def says_wrote(text: str) -> bool:
    """Whether a verb of attributions stands among the last words of `text`."""
    for word in text[-200:].split():
        if word.strip(_AROUND_WORDS).casefold() in _VERBS:
            return True
    return not text.isascii() and any(verb in text for verb in _UNSPACED_VERBS)


# How attributions begin; blanks, dashes and marks are stripped before.
OPENING: Final = re.compile(
    r"(?:On|At|In (?:a )?(?:message|article|reply)|Am|Le|El|Il(?: giorno)?|Em|Op|Den|Dne|Dnia|W dniu"
    r"|V|La|În|In data|In"
    r"|Στις|Την|Pe|Vào|Lúc|Kl|På|Em|A|Em data|На|В|Pada|Dana|Dňa|Kuupäeval|Quoting|Zitat von"
    r"|Citando(?: a)?|Citerar|Citat"
    r"|Citaat van|Quoth|Excerpts from|Selon|Cytowanie|Цитирую|Mensagem citada por|Citēju|Le message de"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Mo|Di|Mi|Do|Fr|Sa|So|ma|ti|ke|to|pe|la|su|po|út|st|čt|pá|so|ne"
    r"|lun|mar|mer|jeu"
    r"|ven|sam|dim|pon|wt|śr|czw|pt|sob|niedz|man|tir|ons|tor|fre|lør|søn|пн|вт|ср|чт|пт|сб|вс|нд)\b\.?"
    r"|في|بتاريخ|ב|בתאריך|ในวันที่)(?=[\s,\d.])|ב-|[在于於]|\d{1,4}\s?[-./年년]"
    r"|Missatge de|Le message",
    re.IGNORECASE,
)
# Attributions that need no colon.
QUOTING: Final = re.compile(
    r"(?:Quoting|Excerpts from|Quoth|Zitat von|Citando|Citerar|Citat från)\s", re.IGNORECASE
)
# What begins with these is a sentence, not an attribution, unless it says when.
PROSE: Final = re.compile(
    r"(?:as|like|what|when|which|that|but|and|so|because|the|this|here|there|if|since|then|also"
    r"|however|wie|was|als"
    r"|das|dass|die|der|aber|und|weil|comme|ce que|mais|et|como|lo que|pero|come|zoals|som|kuten|jak"
    r"|как|что|но)\s",
    re.IGNORECASE,
)
# Says that the answers stand inside a quote that has no marks.
INLINE: Final = re.compile(
    r"\b(?:in-?line|in line(?! with)|interspersed|interleaved|embedded below|in between)\b"
    r"|\b(?:answers?|answered|comments?|commented|repl(?:y|ies|ied)|respon(?:se|ses|ded)"
    r"|remarks?)\b[^.\n]{0,40}"
    r"\b(?:below|beneath|underneath|in your (?:mail|e-?mail|message|text)|in (?:red|blue|green|bold"
    r"|colou?r|purple))\b"
    r"|\bsee (?:my \w+ )?below\b|^below[.:]?$"
    r"|\b(?:antworten?|kommentare?|anmerkungen)\b[^.\n]{0,40}\b(?:unten|im text|inline|darunter"
    r"|in rot|in blau)\b"
    r"|\b(?:siehe|s\.) (?:weiter )?unten\b"
    r"|\b(?:réponses?|commentaires?|remarques)\b[^.\n]{0,40}(?:ci-dessous|dans le texte|plus bas"
    r"|en rouge|en bleu)\b"
    r"|\bvoir (?:ci-dessous|plus bas)\b"
    r"|\b(?:respuestas?|comentarios?)\b[^.\n]{0,40}\b(?:abajo|debajo|entre líneas|en rojo|en azul)\b"
    r"|\b(?:respostas?|comentários?)\b[^.\n]{0,40}\b(?:abaixo|em vermelho|em azul)\b"
    r"|\b(?:risposte|commenti)\b[^.\n]{0,40}\b(?:sotto|nel testo|in rosso|di seguito)\b"
    r"|\b(?:antwoord(?:en)?|opmerkingen)\b[^.\n]{0,40}\b(?:hieronder|onder|in het rood)\b"
    r"|\bzie (?:hier)?onder\b"
    r"|\b(?:se|svar) (?:nedan|nedenfor|under)\b|\bks\. alla\b|\bodpowiedzi poniżej\b|\bodpovědi níže\b"
    r"|\b(?:ответы|комментарии) (?:ниже|в тексте)\b|\blásd lent\b|见下|見下",
    re.IGNORECASE,
)
GREETING: Final = re.compile(
    r"(?:hi|hello|hey|dear|hallo|guten (?:tag|morgen|abend)|moin|liebe[rs]?|sehr geehrte[rs]?|bonjour"
    r"|bonsoir|salut"
    r"|cher|chère|hola|buen(?:os|as) \w+|estimad[oa]s?|ciao|buon ?giorno|gentile|olá|bom dia"
    r"|boa tarde|beste|geachte"
    r"|hej|hei|moi|cześć|dzień dobry|witam|dobrý den|ahoj|здравствуйте|добрый день|привет|szia|kedves"
    r"|merhaba|sayın"
    r"|bună|xin chào"
    r"|您好|你好|こんにちは|good (?:morning|afternoon|evening|day))\b[^.?!\n]{0,40}[,!.:，：]?$",
    re.IGNORECASE,
)
