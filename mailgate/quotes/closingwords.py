"""The words of banners, signatures, device lines, legal notices and list footers, in many languages."""

from __future__ import annotations

import re
from typing import Final

_DEVICES: Final = (
    r"i-?phon\w{1,3}|i-?pad|i-?pod|android|galaxy|samsung|blackberry|huawei|xiaomi|redmi|nokia|htc|pixel"
    r"|sony|xperia|lg\b"
    r"|motorola|moto\b|oneplus|nexus|lenovo|windows phone|windows mobile|(?:mobile|smart|cell"
    r"|tele)?-?phone|mobil\w*"
    r"|tablet|handy|telefon\w*|téléphone|teléfono|telefono|celular|movil|móvil|cellulare|komórk\w*"
    r"|puhelime\w*"
    r"|matkapuhelime\w*|телефона|смартфона|cep telefonu\w*|apple watch|handheld|treo|palm"
)
_PROGRAMS: Final = (
    r"outlook|mail for windows|windows mail|mail for windows 10|yahoo mail|gmail|aol|proton ?mail"
    r"|proton|tutanota|spark"
    r"|superhuman|airmail|mailspring|newton|bluemail|k-9 mail|fairemail|thunderbird|zoho mail"
    r"|aqua mail|nine|boxer"
    r"|workspace one boxer|mymail|mailbird|canary|front|hey|missive|email\.app|apple mail|mail\.ru|mozilla"
    r"|mailfence|ionos|gmx|web\.de|seznam|email für|a mobile device|mobile device|a handheld"
)
DEVICE: Final = re.compile(
    rf"(?:sent|gesendet|envoyé|enviado|inviato|verzonden|verstuurd|skickat|sendt|lähetetty|odesláno"
    rf"|odoslané|wysłane"
    rf"|отправлено|надіслано|изпратено|küldve|trimis|expédié|this (?:message|e?-?mail) was sent"
    rf"|diese (?:nachricht|e-?mail)"
    rf"|ce (?:message|mail)|saadetud|written)"
    rf"(?: wurde)?\s(?:from|via|with|using|by|mit|von|vom|aus|über|depuis|de|avec|desde|do|da|dal|con"
    rf"|vanaf|van|met|från|med|fra|z(?:e)?"
    rf"|с|со|з|от|din|de pe|minun|minu)\s"
    rf"(?:(?:my|meinem|meiner|mon|ma|mi|meu|minha|mio|mijn|min|mit|a|an|the|mein|můj|mého|moje|mojego"
    rf"|моего|il|un"
    rf"|una|um|der|outlook for|app für)\s)?(?:[\w&'*.-]{{1,20}}\s){{0,3}}?"
    rf"(?:{_DEVICES}|{_PROGRAMS})(?!\w)"
    rf"(?P<rest>.{{0,90}})$"
    rf"|get (?:the )?outlook for (?:ios|android|mac)\b.{{0,90}}$"
    rf"|(?:holen sie sich|laden sie|télécharge[rz]|obtene[rz]|obtenga|scarica|download"
    rf"|hämta) outlook (?:für|pour|para|per|voor) "
    rf"(?:ios|android)\b.{{0,90}}$"
    rf"|von meine[mr] (?:{_DEVICES})[\w\s-]{{0,20}} gesendet\.?$"
    rf"|diese nachricht wurde von meinem .{{1,40}} gesendet\.?$"
    rf"|(?:发自我的|从我的|發自我的|傳自我的).{{1,30}}$|(?:iphone|ipad|android|スマートフォン)から送信"
    rf"|나의 .{{1,20}}에서 보냄"
    rf"|(?:iphone|ipad|android)'?(?:umdan|imden|dan|den)? gönderildi"
    rf"|(?:iphone|ipad)에서 보냄|(?:iphone|ipad|android)-?\w* (?:lähetetty|gönderildi)"
    rf"|yahoo mail (?:on android|for iphone|para iphone)|نشر من|أرسل من|أُرسلت من|נשלח מה-?\w",
    re.IGNORECASE,
)
# What may stand behind the name of a device: an excuse, a carrier, a link; not the rest of a sentence.
EXCUSE: Final = re.compile(
    r"(?>(?:\s?(?:\d{1,2}|plus|pro|max|mini|xl|ultra|se|note|s\d+|5g|4g|lte|app|device|gerät|smartphone"
    r"|phone|mobile|tablet"
    r"|mail|for (?:windows|mac|ios|android|iphone|desktop|mobile)|on (?:android|ios|iphone)|gesendet"
    r"|with k-9 mail|secure e-?mail"
    r"|gerät mit k-9 mail gesendet|\d{3,4})\b\.?)*)\s*"
    r"(?:$|[.!(<|–—'’-].*|[,;:]?\s*(?:please|excuse|pardon|sorry|apolog|using|with|via|on the|over|powered"
    r"|typ(?:os|ed|ing)|brief|short|hence|so (?:please|excuse)|bitte|mit|entschuldig|tippfehler|kurz"
    r"|désolé|veuillez|disculp|perdon).*)",
    re.IGNORECASE,
)

NAMED_END: Final = re.compile(
    r"(?:-- |[–—] ?)(?P<name>[^\W\d_][\w.'-]{0,20}(?: [^\W\d_][\w.'-]{0,20}){0,2})$"
)
VALEDICTION: Final = re.compile(
    r"(?:(?:with )?(?:best|kind|warm|many|kindest|warmest)(?: (?:regards|wishes|greetings))?|regards"
    r"|cheers|thanks|thank you"
    r"|many thanks|thanks (?:in advance|again|a lot|so much)|sincerely(?: yours)?|yours (?:sincerely"
    r"|faithfully|truly)"
    r"|br|rgds|(?:mit )?(?:freundlichen?|besten?|vielen?|lieben?|schönen?|herzlichen?) gr(?:ü|ue)(?:ß"
    r"|ss)en?|mfg|vg|lg"
    r"|gru(?:ß|ss)|viele gr(?:ü|ue)(?:ß|ss)e(?: aus \w+)?|danke|vielen dank|cordialement"
    r"|bien cordialement|cdlt"
    r"|bien à vous|salutations|(?:un )?saludos?(?: cordiales)?|un cordial saludo|atentamente"
    r"|cordiali saluti|saluti"
    r"|distinti saluti|atenciosamente|cumprimentos|com os melhores cumprimentos"
    r"|met vriendelijke groet(?:en)?|groet(?:en|jes)?"
    r"|mvg|(?:med )?v(?:ä|e)nlige? h(?:ä|i)lsning(?:ar|er)?|hälsningar|mvh|hilsen"
    r"|ystävällisin terveisin|terveisin|terv"
    r"|pozdrawiam|z poważaniem|s pozdravem|s pozdravom|с уважением|с наилучшими пожеланиями|з повагою"
    r"|поздрави|üdvözlettel|üdv|saygılarımla|με εκτίμηση|φιλικά|בברכה|مع التحية|此致|敬礼"
    r"|よろしくお願いします|감사합니다"
    r"|cu stimă|trân trọng|lugupidamisega|ar cieņu|pagarbiai)\s*[,.!;]?",
    re.IGNORECASE,
)
CONTACT: Final = re.compile(
    r"\b(?:tel|phone|ph|mob|mobile|cell|fax|office|telefon|tél|tlf|puh|gsm|direct|skype|e-?mail|web"
    r"|www)\b\s?[.:]"
    r"|\+\d[\d ()./-]{6,}|https?://|www\.\w|[^\s@]@[^\s@]|\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b",
    re.IGNORECASE,
)
NAME: Final = re.compile(r"\W{0,3}[^\W\d_][\w.'’-]{0,20}(?:,? [^\W\d_][\w.'’-]{0,20}){0,5}\W{0,2}")
SENTENCE: Final = re.compile(
    r"[?!]|[.:;] [^\W\d_]|\b(?:I|[Yy]ou|[Ww]e|[Pp]lease|is|are|was|the|it|[Ii]ch|[Ww]ir|[Bb]itte|ist)\b"
)

LIST_WORDS: Final = [
    "mailing list",
    "mailing-list",
    "mailinglist",
    "listinfo",
    "unsubscri",
    "subscription",
    "you are subscribed",
    "mailman",
    "listserv",
    "list archive",
    "groups.io",
    "google groups",
    "/lists/",
    "//lists.",
    "//list.",
    "@lists.",
    "@list.",
    "majordomo",
    "-leave@",
    "-request@",
    "you received this",
    "you are receiving this",
    "you're receiving this",
    "you get this because",
    "view it on",
    "reply to this email directly",
    "abbestellen",
    "abmelden",
    "austragen",
    "désabonn",
    "désinscri",
    "liste de diffusion",
    "darse de baja",
    "lista de correo",
    "lista de distribución",
    "cancelar sua inscrição",
    "cancellarsi",
    "disiscri",
    "afmelden",
    "mailinglijst",
    "uitschrijven",
    "avsluta prenumeration",
    "e-postlista",
    "odhlásit",
    "wypisać",
    "отписаться",
    "список рассылки",
    "рассылк",
    "退订",
    "配信停止",
]

# Law knows no "I": who writes about disclaimers does.
FIRST_PERSON: Final = (
    " i ",
    " i'm ",
    " i’m ",
    " i'd ",
    " my ",
    " me ",
    " ich ",
    " mir ",
    " je ",
    " yo ",
    " io ",
    " jag ",
    " ik ",
)

# Each of these alone is a word like any other; of four kinds in a paragraph at the end, they are a lawyer's.
# The first three kinds are the most telling.
LEGAL: Final = tuple(
    tuple(stems.split("|"))
    for stems in (
        "confidential|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|konfidentiel"
        "|luottamuksel|poufn"
        "|důvěrn|конфиденциальн|конфіденційн|bizalmas|gizli|機密|机密|保密|εμπιστευτικ|סודי|سري|privileged"
        "|proprietary|konfidenciál|confidențial",
        "intended recipient|intended solely|intended only|intended for|solely for|addressee|for the use of"
        "|named recipient|recipient(s)|adressat|empfänger|destinataire|destinatari|destinatár"
        "|geadresseerde|bestemd"
        "|avsedd|adresát|адресат|címzett|alıcı|收件人|受信者|vastaanottaja|modtager|mottaker|recipient named",
        "in error|by mistake|erroneously|not the intended|not the named|irrtümlich|versehentlich"
        "|nicht der richtige"
        "|par erreur|por error|per errore|por engano|por erro|abusievelijk|per vergissing"
        "|ten onrechte|av misstag"
        "|ved en fejl|ved en feil|omyłk|omyl|по ошибке|помилково|tévedés|yanlışlık|错误|誤って|erehdyks"
        "|din eroare",
        "notify|inform|contact the sender|advise the sender|absender|prévenir|avertir|notifi|avisar"
        "|avvis|comunic"
        "|afzender|meddela|nadawc|odesíl|отправител|feladó|gönderen|通知|lähettäjä",
        "delet|destroy|lösch|vernicht|détrui|supprim|elimin|borr|cancell|distrugg|apag|verwijder"
        "|vernietig|radera"
        "|slet|usun|smaž|vymaž|удал|töröl|siliniz|删除|削除|poista",
        "dissemin|disclos|distribut|unauthori|copying|unbefugt|weitergabe|weiterleit|kopier"
        "|non autoris|diffus"
        "|divulg|reprod|difus|verspreid|openbaar|spridning|rozpowszech|šíř|копиров|распростран"
        "|terjeszt|kopya",
        "prohibit|not permitted|unlawful|strictly|untersagt|nicht gestattet|verboten|interdit|prohibid|vietat"
        "|proibid|verboden|förbjud|zabron|zakáz|запрещ|tilos|yasak|禁止",
        "virus|malware|viren|liabilit|liable|haftung|responsab|warrant|verantwort",
        "this e-mail|this email|this message|this communication|this electronic|this transmission"
        "|diese e-mail"
        "|diese nachricht|dieser e-mail|ce message|ce courriel|este mensaje|este correo|questo messaggio"
        "|questa e-mail|esta mensagem|dit bericht|deze e-mail|detta meddelande|denne e-mail|ta wiadomość"
        "|tento e-mail|это сообщение|это письмо|ez az üzenet|bu e-posta|本邮件|本メール|attachment|anhäng"
        "|pièces jointes|pièce jointe|the information contained",
    )
)
# One of these in a short paragraph at the end is enough.
SMALL_PRINT: Final = [
    "consider the environment before",
    "think about the environment before",
    "think before you print",
    "save paper",
    "denken sie an die umwelt",
    "pensez à l'environnement",
    "pensez à l’environnement",
    "antes de imprimir",
    "virus-free",
    "virus free.",
    "virenfrei",
    "checked for viruses",
    "scanned for viruses",
    "viruses and dangerous content",
    "is believed to be clean",
    "checked by avg",
    "avast antivirus",
    "von viren geprüft",
    "auf viren geprüft",
    "auf viren überprüft",
    "sans virus. www",
    "libre de virus",
    "без вирусов",
]
COMPANY: Final = [
    "amtsgericht",
    "registered office",
    "registered in england",
    "company registration",
    "handelsregister",
    "sitz der gesellschaft",
    "geschäftsführ",
    "ust-id",
    "vorsitzender des aufsichtsrats",
    "hrb ",
]
NOTICE: Final = re.compile(
    r"\W{0,6}(?:confidential(?:ity)?|保密声明|disclaimer|legal (?:notice|disclaimer)|privacy notice"
    r"|important notice|notice|haftungsausschluss"
    r"|vertraulichkeitshinweis|wichtiger hinweis|avis de confidentialité|avertissement|aviso (?:legal"
    r"|de confidencialidad)"
    r"|avviso di riservatezza|disclaimer e-?mail)(?: (?:notice|note|statement|clause))?\W{0,6}",
    re.IGNORECASE,
)

BANNER: Final = re.compile(
    r"originat(?:ed|es|ing) (?:from )?outside|(?:came|sent|comes|received|is) (?:from"
    r"|by) (?:an? )?(?:outside|external)|external (?:e-?mail|sender|message|source(?! [^\W\d_]))"
    r"|outside (?:of )?(?:the|your|our) (?:organi[sz]ation|company|university|network|institution|lab\w*)"
    r"|(?:do not|don't|avoid|never) (?:click|respond|open(?:ing)? (?:[\w-]{1,12} ){0,3}(?:link|attach|file))"
    r"|you don't often get e?-?mail from|learn why this is important"
    r"|externe(?:r|n)? (?:e-?mail|absender|quelle|nachricht)|von außerhalb|keine (?:links|anhänge)"
    r"|klicken sie nicht"
    r"|provient de l'ext[ée]rieur|exp[ée]diteur externe|courriel externe|e-?mail externe"
    r"|ne cliquez pas|no haga clic|remitente externo|correo externo"
    r"|mittente esterno|e-?mail esterna|non cliccare|externe e-?mail|klik niet|extern avsändare"
    r"|klicka inte|外部(?:邮件|メール|からの|郵件)",
    re.IGNORECASE,
)
BANNER_OPENS: Final = re.compile(
    r"\W{0,8}(?:ext(?:ern(?:al|e|er|o)?)?\b|caution|warning|attention|achtung|vorsicht|warnung"
    r"|precaución|advertencia|atención|attenzione|"
    r"avertissement|mise en garde|prudence|let op|waarschuwing|varning|this (?:e-?mail|message)"
    r"|you don't often get|notice\b|alert\b|be careful"
    r"|\[?external|cuidado|aviso|diese (?:e-?mail|nachricht)|ce (?:message|courriel)|注意|警告)",
    re.IGNORECASE,
)
