"""What a person wrote, against what they quote and how they sign."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from mailgate.quotes.quoting import separate
from tests.support.costs import cpu_s

ATTRIBUTIONS = [
    "On Sun, 22 Nov 2026 at 10:00, Ann Lee <ann@x.example> wrote:",
    "On Sun, 22 Nov 2026 at 10:00, Ann Lee\n<ann@x.example> wrote:",
    "On Sun, 22 Nov 2026 at 10:00,\nAnn Lee <ann@x.example>\nwrote:",
    "On 22.11.26 10:00, Ann Lee wrote:",
    "At 2026-11-22 10:00:00, Ann Lee <ann@x.example> wrote:",
    "Ann Lee <ann@x.example> writes:",
    "Ann Lee wrote:",
    "Am 22.11.2026 um 10:00 schrieb Ann Lee <ann@x.example>:",
    "Am So., 22. Nov. 2026 um 10:00 Uhr schrieb Ann Lee\n<ann@x.example>:",
    "Le dim. 22 nov. 2026 à 10:00, Ann Lee <ann@x.example> a écrit :",
    "El dom, 22 nov 2026 a las 10:00, Ann Lee (<ann@x.example>) escribió:",
    "Il giorno dom 22 nov 2026 alle 10:00 Ann Lee <ann@x.example> ha scritto:",
    "Em dom., 22 de nov. de 2026 às 10:00, Ann Lee escreveu:",
    "Op zo 22 nov. 2026 om 10:00 schreef Ann Lee <ann@x.example>:",
    "Den sön 22 nov. 2026 kl 10:00 skrev Ann Lee <ann@x.example>:",
    "W dniu 22.11.2026 o 10:00, Ann Lee pisze:",
    "вс, 22 нояб. 2026 г. в 10:00, Ann Lee <ann@x.example> написал(а):",
    "在 2026年11月22日，10:00，Ann Lee <ann@x.example> 写道：",
    "2026年11月22日(日) 10:00 Ann Lee <ann@x.example>:",
    "2026-11-22 10:00 GMT+01:00 Ann Lee <ann@x.example>:",
    "Ann Lee <ann@x.example>, 22 Kas 2026 Paz, 10:00 tarihinde şunu yazdı:",
    "Ann Lee <ann@x.example> ezt írta (időpont: 2026. nov. 22., V, 10:00):",
    "su 22. marrask. 2026 klo 10.00 Ann Lee (ann@x.example) kirjoitti:",
    "ne 22. 11. 2026 v 10:00 odesílatel Ann Lee <ann@x.example> napsal:",
    "ne 22. 11. 2026 o 10:00 Ann Lee <ann@x.example> napísal(a):",
    "În dum., 22 nov. 2026 la 10:00, Ann Lee <ann@x.example> a scris:",
    "Στις Κυρ 22 Νοε 2026 στις 10:00 π.μ., ο χρήστης Ann Lee <ann@x.example> έγραψε:",
    "нд, 22 лист. 2026 р. о 10:00 Ann Lee <ann@x.example> пише:",
    "На нд, 22.11.2026 г. в 10:00 ч. Ann Lee <ann@x.example> написа:",
    "Kontakt Ann Lee (<ann@x.example>) kirjutas kuupäeval P, 22. november 2026 kell 10:00:",
    "2026. g. 22. nov., plkst. 10:00 — lietotājs Ann Lee (<ann@x.example>) rakstīja:",
    "2026-11-22, sk, 10:00 Ann Lee <ann@x.example> rašė:",
    "Vào CN, 22 thg 11, 2026 vào lúc 10:00 Ann Lee <ann@x.example> đã viết:",
    "søn. 22. nov. 2026 kl. 10:00 skrev Ann Lee <ann@x.example>:",
    "2026년 11월 22일 (일) 오전 10:00, Ann Lee <ann@x.example>님이 작성:",
    "Ann Lee <ann@x.example> 于2026年11月22日周日 10:00写道：",
    "Ann Lee <ann@x.example> wrote on 11/22/2026 10:00:00 AM:",
    "--- On Sun, 11/22/26, Ann Lee <ann@x.example> wrote:",
    "---- On Sun, 22 Nov 2026 10:00:00 +0100 Ann Lee <ann@x.example> wrote ----",
    "Quoting Ann Lee (2026-11-22 10:00:00)",
    "Zitat von Ann Lee <ann@x.example>:",
    "* Ann Lee <ann@x.example> [2026-11-22 10:00]:",
    "2026/11/22 Ann Lee <ann@x.example>",
]

OUTLOOK_BLOCKS = [
    "-----Original Message-----\nFrom: Ann Lee\nSent: Sunday\nTo: Bob\nSubject: Help",
    "-----Ursprüngliche Nachricht-----\nVon: Ann Lee\nGesendet: Sonntag\nAn: Bob\nBetreff: Hilfe",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
    "________________________________\nFrom: Ann Lee <ann@x.example>\nSent: Sunday\nTo: Bob\nSubject: Help",
    "From: Ann Lee\nDate: Sunday\nTo: Bob\nSubject: Help",
    "*From:* Ann Lee\n*Sent:* Sunday\n*To:* Bob\n*Subject:* Help",
    "De : Ann Lee\nEnvoyé : dimanche\nÀ : Bob\nObjet : Aide",
    "De: Ann Lee\nEnviado el: domingo\nPara: Bob\nAsunto: Ayuda",
    "Da: Ann Lee\nInviato: domenica\nA: Bob\nOggetto: Aiuto",
    "发件人: Ann Lee\n发送时间: 2026年11月22日\n收件人: Bob\n主题: 帮助",
    "寄件者: Ann Lee\n寄件日期: 2026年11月22日\n收件者: Bob\n主旨: 幫助",
    "差出人: Ann Lee\n送信日時: 2026年11月22日\n宛先: Bob\n件名: 助け",
    "보낸 사람: Ann Lee\n보낸 날짜: 2026년 11월 22일\n받는 사람: Bob\n제목: 도움",
    "Van: Ann Lee\nVerzonden: zondag\nAan: Bob\nOnderwerp: Hulp",
    "Från: Ann Lee\nSkickat: söndag\nTill: Bob\nÄmne: Hjälp",
    "Fra: Ann Lee\nSendt: søndag\nTil: Bob\nEmne: Hjælp",
    "Lähettäjä: Ann Lee\nLähetetty: sunnuntai\nVastaanottaja: Bob\nAihe: Apua",
    "Feladó: Ann Lee\nElküldve: vasárnap\nCímzett: Bob\nTárgy: Segítség",
    "De: Ann Lee\nEnviado: domingo\nPara: Bob\nAssunto: Ajuda",
    "Od: Ann Lee\nWysłano: niedziela\nDo: Bob\nTemat: Pomoc",
    "Od: Ann Lee\nOdesláno: neděle\nKomu: Bob\nPředmět: Pomoc",
    "Kimden: Ann Lee\nGönderildi: Pazar\nKime: Bob\nKonu: Yardım",
    "От: Ann Lee\nОтправлено: воскресенье\nКому: Bob\nТема: Помощь",
    "Від: Ann Lee\nНадіслано: неділя\nКому: Bob\nТема: Допомога",
    "Από: Ann Lee\nΣτάλθηκε: Κυριακή\nΠρος: Bob\nΘέμα: Βοήθεια",
    "מאת: Ann Lee\nנשלח: יום ראשון\nאל: Bob\nנושא: עזרה",
    "من: Ann Lee\nتم الإرسال: الأحد\nإلى: Bob\nالموضوع: مساعدة",
    "De la: Ann Lee\nTrimis: duminică\nCătre: Bob\nSubiect: Ajutor",
    "Từ: Ann Lee\nĐã gửi: Chủ Nhật\nĐến: Bob\nChủ đề: Giúp",
    "Date: Sunday\nFrom: Ann Lee\nTo: Bob\nSubject: Help",
    "-------- Message d'origine --------",
    "----- Mensaje original -----",
    "------------------ 原始邮件 ------------------\n发件人: Ann Lee",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_belongs_to_the_quote_below_it(attribution: str) -> None:
    parts = separate(f"I see.\n\n{attribution}\n> It is down.\n> Again.\n\nRestarted.\n")
    assert parts.new == "I see.\n\nRestarted."
    assert parts.quoted == f"{attribution}\n> It is down.\n> Again."


@pytest.mark.parametrize("block", OUTLOOK_BLOCKS)
def test_an_original_message_below_an_answer_is_quoted_to_the_end(block: str) -> None:
    parts = separate(f"I see.\n\n{block}\n\nIt is down.\n\nAnn\n")
    assert (parts.new, parts.quoted) == ("I see.", f"{block}\n\nIt is down.\n\nAnn")


def test_answers_between_quotes_are_new_and_in_order() -> None:
    parts = separate("> first?\nYes.\n> second?\n\nNo.\n>> older\nAt all.")
    assert (parts.new, parts.quoted) == ("Yes.\n\nNo.\nAt all.", "> first?\n> second?\n>> older")


def test_a_reply_of_quotes_alone_has_nothing_new() -> None:
    parts = separate("On Sun, 22 Nov 2026, Ann wrote:\n> It is down.\n>\n> Ann\n")
    assert (parts.new, parts.signature) == ("", "")


def test_an_answer_inside_an_original_message_is_not_hidden() -> None:
    parts = separate(
        "-----Original Message-----\nFrom: Ann\nSent: Sunday\nTo: Bob\n\n> Is it up?\n\n[Bob] Yes.\n"
    )
    assert parts.new == "[Bob] Yes."


def test_an_original_message_with_marks_leaves_the_answer_below_it_new() -> None:
    parts = separate("Hello,\n-----Original Message-----\n> Is it up?\n\nYes.")
    assert (parts.new, parts.quoted) == ("Hello,\n\nYes.", "-----Original Message-----\n> Is it up?")


def test_a_quote_without_marks_below_an_answer_is_known_by_its_attribution() -> None:
    parts = separate("I see.\n\nOn Sun, 22 Nov 2026 at 10:00, Ann <ann@x.example> wrote:\n\nIt is down.\n")
    assert parts.new == "I see."


def test_an_attribution_above_the_greeting_hides_no_answer() -> None:
    parts = separate(
        "On Sun, 22 Nov 2026 at 10:00, Ann wrote:\n\nHi Ann,\nI see.\n\n> It is down.\n\nRestarted."
    )
    assert parts.new == "Hi Ann,\nI see.\n\nRestarted."


def test_an_indented_quote_ends_where_the_indent_ends() -> None:
    parts = separate(
        'On 11/22/26, 10:00 AM, "Ann" <ann@x.example> wrote:\n\n    Is it up?\nYes.\n    And now?\n'
    )
    assert parts.new == "Yes."


def test_a_forwarded_message_is_what_its_sender_has_to_say() -> None:
    head = "From: Ann\nDate: Sunday\nSubject: Help\nTo: Bob"
    text = f"---------- Forwarded message ---------\n{head}\n\nIt is down."
    assert separate(f"See below.\n\n{text}").new == f"See below.\n\n{text}"


@pytest.mark.parametrize(
    "text",
    [
        "As I wrote:\nit is down.",
        "The log said:\n\nconnection refused",
        "On the node we see:\n\nerror 5",
        "From: here on it works.",
        "From the log:\nTo: nobody",
        ">From the start it failed.",
        "a -> b\n--> c",
        "Run this --\nand that",
        "I restarted it.\nOn 2026-11-22 10:00:00 the daemon wrote:\n\nready\n\nAnd then?",
        "The options are\n--force\n--dry-run",
        "$ cat <<EOF\n> a\n> EOF",
        "ann@host:~$ sort a \\\n> b",
        ">>> import sys\n>>> sys.exit(1)",
        "1c1\n< a\n---\n> b",
        "=======\nours\n>>>>>>> branch",
        "<a href=x\n>",
        "A:\n1\nDo: it\nAn: other",
        "See the reply from ann@x.example:\nit works.",
        "We were told: please unsubscribe.\n\n----\nSee https://lists.example/users?",
    ],
)
def test_what_only_looks_like_a_quote_is_new(text: str) -> None:
    assert separate(text).new == text


def test_a_signature_ends_what_is_new() -> None:
    parts = separate("It is down.\n-- \nAnn Lee\nExample University\n")
    assert (parts.new, parts.signature) == ("It is down.", "-- \nAnn Lee\nExample University")


def test_a_signature_between_answer_and_quote_is_found() -> None:
    parts = separate("I see.\n-- \nBob\n\nAnn wrote:\n> It is down.\n> -- \n> Ann\n")
    assert (parts.new, parts.signature) == ("I see.", "-- \nBob")


def test_a_separator_far_from_the_end_makes_no_signature() -> None:
    text = "Log:\n-- \n" + "\n".join(f"line {n}" for n in range(60))
    assert separate(text).signature == ""


def test_a_line_taken_away_by_a_patch_is_no_signature() -> None:
    text = "diff a b\n-- \n@@ -1,2 +1,1 @@\n-- \n context\n-- \n+line"
    assert separate(text).new == text


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Sent from my phone",
            "Get Outlook for Android",
            "Von meinem iPhone gesendet",
            "Envoyé de mon iPad",
        ),
        *(
            "Sent from my Galaxy S24, please excuse my brevity.",
            "Enviado desde mi iPhone",
            "Inviato da iPhone",
        ),
        *("Verstuurd vanaf mijn iPad", "Skickat från min iPhone", "Отправлено с iPhone", "发自我的iPhone"),
        *(
            "iPhoneから送信",
            "Sent with Proton Mail secure email.",
            "Get Outlook for iOS<https://aka.example/o>",
        ),
        *(
            "Wysłane z iPhone'a",
            "Odesláno z iPhonu",
            "나의 iPhone에서 보냄",
            "Sent from Yahoo Mail on Android",
        ),
    ],
)
def test_the_line_a_device_adds_is_signature(line: str) -> None:
    parts = separate(f"It is down.\n\n{line}\n\nAnn wrote:\n> Is it up?\n")
    assert (parts.new, parts.signature) == ("It is down.", line)


@pytest.mark.parametrize(
    "line", ["Sent from my institute.", "Sent from my phone it works.", "Sent by the daemon at 10:00"]
)
def test_a_line_that_only_begins_like_a_device_is_text(line: str) -> None:
    assert separate(f"It fails.\n\n{line}").new == f"It fails.\n\n{line}"


def test_the_line_of_a_device_in_the_middle_is_text() -> None:
    text = "Sent from my phone\nit works, from my desk it does not."
    assert separate(text).new == text


@pytest.mark.parametrize(
    "said",
    [
        "All uploads are scanned for viruses, and three nodes were found infected.\nWhat do we do now?",
        "All our uploads are checked for viruses since Monday, and nothing arrives any more.",
        "Unser Server wird täglich auf Viren geprüft, seit gestern schlägt das fehl. Wer kann helfen?",
        "I propose to save paper and to stop sending printed certificates.",
        "Unser Geschäftsführer fragt nach der USt-ID: steht auch das Amtsgericht auf der Rechnung?",
        "Sent via Outlook, but the attachment is stripped. Could you check why?",
        "Sent from my mobile: can somebody restart the CE, there is no access.",
        "Thanks\nAnn Lee\nPlease call me at +1 222 333 4444 before noon",
        "Which hosts are affected?\n– ce1.example",
        "Two are down:\n– Rome\n– Milan",
        "_________\nI cannot leave users@lists.example, the unsubscribe page fails.",
    ],
)
def test_what_a_person_says_in_the_words_of_a_closing_is_new(said: str) -> None:
    assert separate(f"Hello all,\n\n{said}").new == f"Hello all,\n\n{said}"


@pytest.mark.parametrize(
    "said",
    [
        "Attention: external source table not found in our catalogue.",
        "Warning: do not open port 2811 on the firewall, somebody scans it.",
    ],
)
def test_a_warning_by_a_person_is_no_banner(said: str) -> None:
    assert separate(f"{said}\n\nWhat shall we do?").new == f"{said}\n\nWhat shall we do?"


@pytest.mark.parametrize(
    "banner",
    [
        "WARNING: do not open any attachments unless you know the sender.",
        "Caution: external source. Never open links.",
        "CAUTION: This email originated outside your organization.",
    ],
)
def test_a_warning_by_a_server_is_no_part_of_the_answer(banner: str) -> None:
    assert separate(f"{banner}\n\nIt is down.").new == "It is down."


def test_a_sentence_above_a_printed_header_is_no_answer_that_folds_what_follows() -> None:
    text = "Our job log says:\n\nFrom: site A\nTo: site B\nDate: 2026-01-02\n\nCan somebody look at it?"
    assert separate(text).new == "Can somebody look at it?"


def test_the_footer_of_a_list_is_signature() -> None:
    footer = "_" * 47 + "\nusers mailing list\nusers@lists.example\nhttps://lists.example/users"
    parts = separate(f"It is down.\n\n{footer}\n")
    assert (parts.new, parts.signature) == ("It is down.", footer)


def test_a_rule_between_paragraphs_is_text() -> None:
    text = "One.\n" + "_" * 40 + "\nTwo."
    assert separate(text).new == text


HOSTILE: list[Callable[[int], str]] = [
    lambda n: "a:\n" * n,
    lambda n: "On " * n,
    lambda n: "On\n" * n,
    lambda n: "On Monday, " + "a" * 100 * n,
    lambda n: ("On Monday, " + "a" * 300 + "\n") * n,
    lambda n: "\n" * n,
    lambda n: "\t\n" * n,
    lambda n: "Am 1.1.2020 schrieb" * n,
    lambda n: "Am 1.1.2020 schrieb\n" * n,
    lambda n: "Am 1.1.2020 schrieb a:\n" * n,
    lambda n: "> a\n" * n,
    lambda n: "> a\nb:\n" * n,
    lambda n: ">>> a\n\n" * n,
    lambda n: "> " * n,
    lambda n: "From: a\n" * n,
    lambda n: "From: a\nSent: b\n" * n,
    lambda n: "From: a\nSent: b\nTo: c\n" * n,
    lambda n: "From: a\nSent: b\nReceived: c\n" * n,
    lambda n: "wrote:\n" * n,
    lambda n: "wrote:\n\n\n\n" * n,
    lambda n: "On 1.1.2020 10:00 a@b wrote:\n" * n,
    lambda n: "On 1.1.2020 10:00\na@b\n:\n> c\n" * n,
    lambda n: "-----Original Message\n" * n,
    lambda n: ("-" * 390 + "\n") * n,
    lambda n: ("--" + " -" * 190 + "\n") * n,
    lambda n: "-- \n" * n,
    lambda n: "> a\n-- \n" * n,
    lambda n: "-" * 50 * n,
    lambda n: ("_" * 47 + "\n") * n,
    lambda n: ("_" * 32 + "\na: b\n") * n,
    lambda n: "2026-11-22 <" * n + ">:",
    lambda n: ("2026-11-22 " + "<" * 300 + ":\n") * n,
    lambda n: " " * 100 * n + ":",
    lambda n: "[Ann] b\n" * n,
    lambda n: "> a\nthis message is confidential " * n,
    lambda n: "> a\nSent from my phone " + "12 " * n,
    lambda n: "> a\nRegards,\nAnn\nTel. 1\n" * n,
    lambda n: "CAUTION: external\n" * n,
    lambda n: "> a\n[EXTERNAL] " * n,
]


def lines_run(text: str) -> int:
    """How many lines of Python `separate` runs for `text`: a measure of work that no load changes."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        separate(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("make", HOSTILE, ids=range(len(HOSTILE)))
def test_twice_the_hostile_text_is_twice_the_work(make: Callable[[int], str]) -> None:
    assert lines_run(make(400)) <= 2.5 * lines_run(make(200)) + 500


@pytest.mark.parametrize("make", HOSTILE, ids=range(len(HOSTILE)))
def test_four_times_the_hostile_text_costs_no_sixteen_times(make: Callable[[int], str]) -> None:
    # A regular expression's work is no line of Python. What goes with the square would cost sixteenfold.
    small, large = make(1_000), make(4_000)
    assert cpu_s(lambda: separate(large)) <= 9 * cpu_s(lambda: separate(small)) + 0.02


@pytest.mark.parametrize("make", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_loses_no_line(make: Callable[[int], str]) -> None:
    text = make(3_000)
    parts = separate(text)
    kept = [line for part in (parts.new, parts.quoted, parts.signature) for line in part.split("\n")]
    assert sorted(line for line in kept if line.strip()) == sorted(
        line for line in text.split("\n") if line.strip()
    )


def test_more_lines_than_anybody_writes_stay_one_piece() -> None:
    parts = separate("> a\n" * 60_000 + "b")
    assert (parts.quoted.count("\n"), parts.new.count("\n")) == (49_999, 10_000)
