"""The words of programs, in the languages of those who installed them. None of them proves anything alone."""

from __future__ import annotations

import re
from typing import Final


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(alternatives)})", re.IGNORECASE)


def _whole(*phrases: str) -> re.Pattern[str]:
    kinds = r"(?:[ -](?:auto-?(?:reply|response)|message|notification|notice|reply))?"
    return re.compile(rf"[\[(]?(?:{'|'.join(phrases)}){kinds}\s*(?:[:：\])]|$)", re.IGNORECASE)


# At the start of a subject.
BOUNCE_SUBJECT: Final = _any(
    r"undeliver",
    r"delivery (?:status|failure|error|report|problem|notification|has failed|failed|incomplete|delayed)",
    r"(?:failure|failed) (?:notice|delivery|mail)",
    r"(?:e?-?mail|message)[ -]*(?:delivery )?(?:failure|failed|error)",
    r"mail (?:delivery|system|could not|not deliver)|(?:returned|rejected|delayed) (?:e-?)?mail",
    r"message (?:delayed|undeliver|not deliver|could not|status)|could not be delivered",
    r"warning: (?:could not send|message)|non[- ]?deliver|nondeliver",
    r"your (?:e-?mail|message) (?:could|to .* could)",
    # German, Dutch, Danish, Norwegian, Swedish, Finnish
    r"unzustellbar|nicht zugestellt|zustell(?:ung|fehler)|onbestelbaar|kan ikke leveres|ikke levert",
    r"det går inte att leverera|olevererbart|ei voitu toimittaa|toimitus epäonnistui",
    # French, Italian, Spanish, Portuguese, Romanian
    r"non remis|message non distribu|échec de (?:la )?(?:remise|distribution)|non recapitabile",
    r"mancato recapito",
    r"no se puede entregar|no entregado|correo devuelto|não é possível entregar|não entregue|nelivrat",
    # Polish, Czech, Hungarian, Turkish, Greek, Russian
    r"nie można dostarczy|niedostarcz|nedoruč|kézbesíthetetlen|teslim edilemedi",
    r"δεν είναι δυνατή η παράδοση|не (?:удалось )?достав|недостав",
    # Chinese, Japanese, Hebrew
    r"系统退信|退信|无法送达|無法傳遞|未傳遞|邮件投递失败",
    r"配信(?:不能|不可|エラー|でき)|メール配信|לא ניתן למסור",
)
# Whose mail did not arrive, as a mail server says it.
YOUR_MAIL: Final = _any(
    r"\byour (?:e-?mail|message|mail|letter)s?\b"
    r"(?! ?(?:server|system|host|gateway|relay|exchanger|list|address|admin|domain|service|set))",
    r"\bihre? (?:e-?mail|nachricht|mail)\b|\bvotre (?:message|courriel|e-?mail)|\bsu (?:mensaje|correo)",
    r"\bsua mensagem|(?:suo|tuo) messaggio|\buw (?:bericht|e-?mail)|(?:ditt?|deras) (?:meddelande|mejl)",
    r"\bdin (?:besked|meddelelse|melding|e-?post)|twoj\w+ wiadomo|vaš\w* zpráv|ваш\w* (?:сообщ|письм)",
    r"您的(?:邮件|郵件|信件)|お客様の|あなたの|送信(?:された|した)",
)
# Such a phrase alone or before a colon; "Vacation scheduling" goes on, and is a person's.
AUTO_SUBJECT: Final = _whole(
    r"auto(?:mat(?:ic|ed))?[- ]?(?:reply|response|antwort|svar)(?: from .{1,60})?",
    r"auto: .{1,80} is out of the office.*",
    r"(?:i am )?(?:currently )?out[- ]of[- ](?:the[- ])?office|ooo",
    r"(?:on )?vacation|(?:i am )?away from .{1,40}",
    # German, Dutch, Danish, Norwegian, Swedish, Finnish
    r"automatische? antwo\w+|abwesen\w*|nicht im büro|automatisch antwoord|afwezig\w*|niet op kantoor",
    r"autosvar|automatiskt? (?:svar|besked)|ikke til stede|fravær\w*|frånvaro\w*",
    r"automaattinen vastaus|poissaolo\w*",
    # French, Italian, Spanish, Portuguese, Romanian
    r"réponse automatique|(?:réponse d')?absence|absent|absence du bureau|risposta automatica",
    r"fuori (?:sede|ufficio)|respuesta automática|fuera de (?:la )?oficina|resposta automática",
    r"fora do escritório|răspuns automat",
    # Polish, Czech, Hungarian, Turkish, Welsh, Greek, Russian
    r"automatyczna odpowied\w+|poza biurem|automatická odpověď|mimo kancelář|automatikus válasz",
    r"otomatik yanıt|ofis dışı|ateb awtomatig|αυτόματη απάντηση|автоматический ответ|автоответ\w*",
    # Chinese, Japanese, Korean, Hebrew
    r"自动(?:回复|答复)|自動(?:回覆|答覆|返信|応答)|不在\w*",
    r"자동 ?(?:응답|회신)|외출",
    r"מענה אוטומטי|הודעה אוטומטית|תשובה אוטומטית",
)
RECEIPT_SUBJECT: Final = _any(
    r"(?:not )?read(?: receipt)?:|return receipt|read receipt|gelesen:|lesebestätigung|empfangsbestätigung",
    r"gelezen:|leesbevestiging|lu ?:|accusé de (?:lecture|réception)|leído:|acuse de recibo|letto:",
    r"ricevuta di ritorno|conferma di lettura|lida:|confirmação de leitura|læst:|lest:|läst:|luettu:",
    r"przeczytano:|potwierdzenie (?:odczytania|przeczytania)|přečteno:|okundu:|διαβάστηκε:",
    r"прочтено:|прочитано:",
    r"已读|已讀|读取:|開封(?:済み|確認)|נקרא:",
)
COMPLAINT_SUBJECT: Final = _any(
    r"e?-?mail feedback report for ip [\da-f.:]+",
    r"complaint about message from [\da-f.:]+|client tos notification",
)
# Anywhere in a subject.
CHALLENGE_SUBJECT: Final = _any(
    r"your e-?mail requires verification|please (?:confirm|verify) your (?:message|e-?mail)",
    r"confirm(?:ation)? (?:of )?your (?:message|e-?mail)|message waiting for (?:your )?confirmation",
    r"verify your (?:message|e-?mail) (?:to|for)|sender (?:verification|authentication)",
    r"\[anti-?spam\b|\(verification\)|confirmação de (?:e-?mail|mensagem)",
    r"confirme? (?:su|seu) (?:correo|e-?mail|mensa)",
    r"bestätigen sie ihre (?:e-?mail|nachricht)",
)
# In the first words of a text.
CHALLENGE_TEXT: Final = _any(
    r"(?:click|follow|visit|use|go to|fill out|repl(?:y|ying)|respond)\b[^.]{0,80}?"
    r"\b(?:link|url|button|form|web ?page|website|repl(?:y|ying)|this (?:message|e-?mail))\b[^.]{0,160}?"
    r"(?:be added\b|address added|approved|guest list|white ?list|prove|human|ensure delivery|deliver your"
    r"|your (?:e-?mail|message|mail) (?:is|to be|will be) (?:delivered|released))",
    r"(?:prove|verify|confirm)(?:ing)? (?:that )?you(?:'re| are) (?:a )?(?:real|human|person|not a)",
    r"only (?:accepts?|from|receives?) [^.]{0,40}?senders? (?:that )?i have approved|approved senders",
    r"(?:is )?protected by [^.]{0,60}?(?:spam|anti)[^.]{0,160}?(?:verify|confirm|authori[sz]e|click)",
    r"caixa postal protegida|para que (?:sua mensagem|tu mensaje)[^.]{0,80}(?:entreg|recib)",
)
AUTO_TEXT: Final = _any(
    r"this is an? auto(?:mat(?:ic|ed))?[- ]?(?:ally generated )?(?:response|reply|answer|message)",
    r"only notification (?:that )?you will receive|while this person is away",
    r"dies ist eine automatische (?:antwort|nachricht)",
    r"automatisch (?:generierte|erzeugte) (?:antwort|nachricht)",
    r"ceci est une réponse automatique|esta es una respuesta automática|questa è una risposta automatica",
    r"esta é uma resposta automática|dit is een automatisch",
)
# What a responder says that gives no other sign; people say it, too, but not within a minute of our copy.
AWAY_TEXT: Final = _any(
    r"out of (?:the )?office|on (?:annual |parental |sick |maternity )?(?:leave|vacation|holidays?)",
    r"\b(?:i am|i'm|we are|will be) (?:currently )?(?:away|absent|unavailable|travell?ing)\b",
    r"(?:thank you for|we have received|i have received) your (?:e-?mail|message|mail|request)",
    r"will (?:get back to|answer|reply to|contact) you|limited access to (?:my )?e-?mail",
    r"nicht im büro|im urlaub|abwesend|vielen dank für ihre (?:e-?mail|nachricht|anfrage)",
    r"absente? (?:du bureau|jusqu)|en congés?|merci (?:de|pour) votre (?:message|courriel)",
    r"fuera de la oficina|de vacaciones|gracias por su (?:mensaje|correo)|fuori (?:sede|ufficio)|in ferie",
    r"fora do escritório|de férias|afwezig|op vakantie|不在|休暇",
)
