"""What goes out, byte for byte: each notification is the file of its name in this folder.

`pytest --rewrite-golden tests/golden` writes them anew. Then read the diff as those will who get the mail.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete

from mailgate import firstposts, floods
from mailgate.compose import Composer
from mailgate.courier import Copy
from mailgate.envelope import Client, Envelope
from mailgate.errands import run_due
from mailgate.errors import LoopDetected
from mailgate.floods import FloodDigests
from mailgate.gateway import Gateway, Policy
from mailgate.moderation import Moderating
from mailgate.parse import parse_message
from mailgate.tables import introduction
from mailgate.urls import Urls
from routing.store import ActiveRules
from tests.golden.house import LIST, MORNING, House, fixed_house
from tracker import tickets
from tracker.events import Actor
from tracker.model import Address, Priority, Status, TicketId, Trust
from tracker.storage import people, queues, roles
from tracker.storage import tickets as store
from tracker.storage.database import Writer
from tracker.unit_of_work import UnitOfWork

FOLDER = Path(__file__).parent


def mail(name: str) -> bytes:
    """A mail of incoming/."""
    return (FOLDER / "incoming" / f"{name}.eml").read_bytes()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with fixed_house(tmp_path / "home") as made:
        yield made


def opening_to_a_center(house: House) -> Copy:
    house.take_in(mail("opening"))
    return house.sent()["uc-support@centers.example"]


def first_mail_to_a_center(house: House) -> Copy:
    house.app.write(lambda connection: connection.execute(delete(introduction)))
    house.take_in(mail("opening"))
    return house.sent()["uc-support@centers.example"]


def first_mail_to_a_contact(house: House) -> Copy:
    house.take_in(mail("opening").replace(b"gate01.uchicago.example", b"osg.smallc.example"))
    return house.sent()["cy@smallc.example"]


def opening_as_list_copy(house: House) -> Copy:
    house.take_in(mail("opening"))
    return house.sent()["sue@people.example"]


def reply_to_a_participant(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(mail("answer"), "osg-general+1@lists.example.org")
    return house.sent()["jane@uni-north.example"]


def reply_as_list_copy(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(mail("answer"), "osg-general+1@lists.example.org")
    return house.sent()["sue@people.example"]


def change_of_status(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()

    def by_joe(uow: UnitOfWork) -> None:
        joe = people.find_sender(uow.connection, "joe@people.example")  # type: ignore[arg-type]
        assert joe is not None
        ticket = store.by_ids(uow.connection, (TicketId(1),))[TicketId(1)]
        tickets.set_status(uow, ticket, Status.RESOLVED, Actor(joe.person.id, "mail"))
        ticket = store.by_ids(uow.connection, (TicketId(1),))[TicketId(1)]
        tickets.set_priority(uow, ticket, Priority.HIGH, Actor(joe.person.id, "mail"))
        uow.flush()

    house.app.write(lambda connection: by_joe(UnitOfWork(connection, house.now)))
    house.now += timedelta(seconds=61)
    return house.sent()["jane@uni-north.example"]


def transcript_of_commands(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(mail("hand-over"), "osg-general+1@lists.example.org")
    return house.sent()["joe@people.example"]


def names_beyond_ascii(house: House) -> Copy:
    house.take_in(mail("beyond-ascii"))
    return house.sent()["uc-support@centers.example"]


def attachments_travel_along(house: House) -> Copy:
    house.take_in(mail("with-files"))
    return house.sent()["uc-support@centers.example"]


def attachments_too_large(house: House) -> Copy:
    large = b"A" * 76 + b"\n"
    house.take_in(mail("with-files").replace(b"iVBORw0KGgo=\n", large * (6 * 2**20 // 57)))
    return house.sent()["uc-support@centers.example"]


def unverified_author(house: House) -> Copy:
    house.take_in(mail("opening"), trust=Trust.NONE)
    return house.sent()["uc-support@centers.example"]


REQUEST = "osg-general-request@lists.example.org"


def first_copy_to_a_latecomer(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(mail("answer"), TICKET)
    house.sent()
    house.take_in(asks("ann@x.example", "Mine, too.", "Re: Job submission fails"), TICKET)
    house.sent()
    house.take_in(asks("joe@people.example", "So it is the switch.", "Re: Job submission fails"), TICKET)
    return house.sent()["ann@x.example"]


def ticket_told_from_its_beginning(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(mail("answer"), TICKET)
    house.sent()
    house.take_in(asks("ann@x.example", "", ""), "osg-general+1.show@lists.example.org")
    return house.sent()["ann@x.example"]


def transcript_of_a_verb(house: House) -> Copy:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(asks("joe@people.example", "", ""), "osg-general+1.done@lists.example.org")
    return house.sent()["joe@people.example"]


def confirm_mail(house: House) -> Copy:
    house.take_in(asks("ann@x.example", "", "subscribe"), "osg-general-subscribe@lists.example.org")
    return house.sent()["ann@x.example"]


def answer_to_a_request(house: House) -> Copy:
    text = "set delivery topics upgrade\nset vacation until tomorrow\nsettings\n"
    house.take_in(asks("sue@people.example", text, ""), REQUEST)
    return house.sent()["sue@people.example"]


def help_by_mail(house: House) -> Copy:
    house.take_in(asks("sue@people.example", "", "help"), REQUEST)
    return house.sent()["sue@people.example"]


def digest_in_mime(house: House) -> Copy:
    return digest(house, "mime")


def digest_in_plain_text(house: House) -> Copy:
    return digest(house, "plain")


def digest(house: House, form: str) -> Copy:
    wishes = f"set delivery digest\nset digest {form}\n"
    house.take_in(asks("sue@people.example", wishes, ""), REQUEST)
    house.take_in(mail("opening"))
    house.take_in(mail("answer"), TICKET)
    house.sent()
    house.now += timedelta(days=1)
    run_due(house.app.errands, house.app.write, house.now)
    return house.sent()["sue@people.example"]


def opening_as_list_copy_under_our_name(house: House) -> Copy:
    house.app.__dict__["_munges"] = lambda _: True
    house.take_in(mail("opening"))
    return house.sent()["sue@people.example"]


def reply_with_html(house: House) -> Copy:
    house.take_in(asks("joe@people.example", "set format html", ""), REQUEST)
    house.take_in(asks("joe@people.example", "It is down.", "Gatekeeper"))
    house.sent()
    house.take_in(asks("ann@x.example", "> was it?\n\nSee https://x.example/a.", "Re: Gatekeeper"), TICKET)
    return house.sent()["joe@people.example"]


def opening_with_links(house: House) -> Copy:
    house.app.composer.urls = Urls("https://tickets.example.org")
    house.take_in(mail("opening"))
    return house.sent()["uc-support@centers.example"]


def opening_as_list_copy_with_links(house: House) -> Copy:
    house.app.composer.urls = Urls("https://tickets.example.org")
    house.take_in(mail("opening"))
    return house.sent()["sue@people.example"]


TICKET = "osg-general+1@lists.example.org"


def asks(sender: str, text: str, subject: str) -> bytes:
    """A small mail of somebody."""
    digest = hashlib.sha256(f"{sender}{text}{subject}".encode()).hexdigest()[:12]
    date = "Sun, 22 Nov 2026 10:10:00 +0000"
    head = f"From: {sender}\nSubject: {subject}\nDate: {date}\nMessage-ID: <{digest}@x.example>\n"
    return f"{head}\n{text}\n".encode()


def confirm_mail_of_a_first_post(house: House) -> Copy:
    app = house.app
    policy = Policy(first_post=firstposts.CONFIRM)
    app.__dict__["gateway"] = Gateway(app.composer, ActiveRules(), app.registry, policy)
    house.take_in(asks("ann@x.example", "They all fail.", "Jobs fail"), trust=Trust.NONE)
    return house.sent()["ann@x.example"]


def held_mails_for_a_moderator(house: House) -> Copy:
    def moderate(connection: Connection) -> None:
        queue = queues.everyone(connection)[0]
        roles.make_moderator(connection, people.find(connection, Address("joe@people.example")).id, queue.id)

    app = house.app
    app.__dict__["composer"] = Composer(app.keys, Urls("https://tickets.example.org"))
    app.write(moderate)
    for subject in ("Offer", "[OSG #99] Offer"):
        house.take_in(asks("eve@x.example", "Have a look.", f"[OSG #98] {subject}"))
    app.write(lambda connection: Moderating(app.composer, ()).tell(connection, house.now))
    return house.sent()["joe@people.example"]


def busy_tickets_told_together(house: House) -> Copy:
    app = house.app
    policy = Policy(floods=floods.Limits(sender=1))
    app.__dict__["gateway"] = Gateway(app.composer, ActiveRules(), app.registry, policy)
    house.take_in(mail("opening"))
    house.sent()
    for number in range(3):
        house.take_in(
            asks("joe@people.example", f"Line {number} of the log.", "Re: Job submission fails"), TICKET
        )
        house.sent()
    app.write(lambda connection: FloodDigests(app.composer, app.brake).send(connection, house.now))
    return house.sent()["sue@people.example"]


CASES: tuple[Callable[[House], Copy], ...] = (
    opening_to_a_center,
    first_mail_to_a_center,
    first_mail_to_a_contact,
    opening_as_list_copy,
    reply_to_a_participant,
    reply_as_list_copy,
    change_of_status,
    names_beyond_ascii,
    attachments_travel_along,
    attachments_too_large,
    unverified_author,
    transcript_of_commands,
    first_copy_to_a_latecomer,
    ticket_told_from_its_beginning,
    transcript_of_a_verb,
    confirm_mail,
    answer_to_a_request,
    help_by_mail,
    digest_in_mime,
    digest_in_plain_text,
    opening_as_list_copy_under_our_name,
    opening_as_list_copy_with_links,
    opening_with_links,
    reply_with_html,
    confirm_mail_of_a_first_post,
    held_mails_for_a_moderator,
    busy_tickets_told_together,
)
# What is of a list, or of a person, and of no ticket.
OF_NO_TICKET = {
    *("digest-in-mime", "digest-in-plain-text"),
    *("confirm-mail", "answer-to-a-request", "help-by-mail"),
    *("confirm-mail-of-a-first-post", "held-mails-for-a-moderator", "busy-tickets-told-together"),
}
# An answer of ours to one person is no mail of the list (RFC 2369 4).
OF_NO_LIST = {
    *("confirm-mail", "answer-to-a-request", "help-by-mail"),
    *("confirm-mail-of-a-first-post", "held-mails-for-a-moderator", "busy-tickets-told-together"),
}


def golden(case: Callable[[House], Copy]) -> Path:
    return FOLDER / (case.__name__.replace("_", "-") + ".eml")


def as_a_file(copy: Copy) -> bytes:
    envelope = f"Return-Path: <{copy.reverse_path}>\r\nDelivered-To: {copy.recipient}\r\n"
    return envelope.encode() + copy.content


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_notification_is_what_was_agreed_on(
    case: Callable[[House], Copy], house: House, rewrite: bool
) -> None:
    written = as_a_file(case(house))
    if rewrite:
        golden(case).write_bytes(written)
    assert written == golden(case).read_bytes()


def answer_shown(house: House, answer: bytes) -> str:
    house.take_in(mail("opening"))
    house.sent()
    house.take_in(answer)
    return parse_message(house.sent()["jane@uni-north.example"].content).text


def test_an_answer_between_quotes_keeps_them_for_without_them_it_answers_nothing(house: House) -> None:
    shown = answer_shown(house, mail("answer-between-quotes"))
    assert "> What should I look at?\n\nAt the quota of your account there.\n" in shown
    assert "left out" not in shown


def test_a_signature_is_no_quoted_line(house: House) -> None:
    shown = answer_shown(house, mail("answer-signed"))
    assert "Please try again.\n\n-- \nYou get this" in shown
    assert "left out" not in shown


def test_what_is_taken_for_a_closing_without_saying_so_is_counted(house: House) -> None:
    answer = mail("answer-signed").replace(b"\n-- \n", b"\n--\n")
    assert answer != mail("answer-signed")
    shown = answer_shown(house, answer)
    assert "closing lines left out, kept with ticket 1]" in shown


def test_a_mail_without_text_says_so(house: House) -> None:
    assert "wrote on ticket 1:\n\n(no text)\n\n-- \n" in answer_shown(house, mail("answer-without-text"))


def test_no_golden_file_is_without_its_case() -> None:
    assert sorted(FOLDER.glob("*.eml")) == sorted(golden(case) for case in CASES)


GOLDEN = sorted(FOLDER.glob("*.eml"))
OURS = [path for path in GOLDEN if "list-copy" not in path.name and path.stem not in OF_NO_TICKET]
AUTOMATIC = {
    "change-of-status": "auto-generated",
    "transcript-of-commands": "auto-replied",
    "transcript-of-a-verb": "auto-replied",
    "ticket-told-from-its-beginning": "auto-replied",
}
ONCE = ("from", "date", "subject", "message-id", "mime-version", "content-type", "list-id")
AT_MOST_ONCE = (
    "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "references", "list-post", "list-help",
    "list-owner", "list-archive", "list-unsubscribe", "list-unsubscribe-post", "precedence",
    "auto-submitted", "return-path", "x-mailgate-copy",
)  # fmt: skip
MSG_ID = r"<[!-;=?-~]+@[!-;=?-~]+>"
URL_LIST = re.compile(r"<(?:mailto|https):[!-;=?-~]+>(?:, <(?:mailto|https):[!-;=?-~]+>)*")


def fields_of(path: Path) -> list[tuple[str, str]]:
    """The fields of a golden file, unfolded, names in lower case."""
    header = path.read_bytes().split(b"\r\n\r\n", 1)[0].decode("ascii")
    lines = re.sub(r"\r\n(?=[ \t])", "", header).split("\r\n")
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def field(path: Path, name: str) -> str:
    return next((value for key, value in fields_of(path) if key == name), "")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
class TestStandards:
    """standards of the format, of list identity, and of automatic mail."""

    def test_each_field_stands_as_often_as_rfc_5322_3_6_says(self, path: Path) -> None:
        counted = Counter(name for name, _ in fields_of(path))
        # What the author's own mail lacks, the list copy lacks too.
        wanted = ONCE if path in OURS else ("from", "date", "subject", "message-id", "list-id")
        wanted = tuple(name for name in wanted if path.stem not in OF_NO_LIST or name != "list-id")
        assert {name: counted[name] for name in wanted} == dict.fromkeys(wanted, 1)
        assert [name for name in AT_MOST_ONCE if counted[name] > 1] == []

    def test_lines_are_short_and_end_in_crlf_alone(self, path: Path) -> None:
        content = path.read_bytes()
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        assert max(map(len, content.split(b"\r\n"))) <= 998
        header = content.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
        # A token longer than a line is no fault (RFC 5322 2.1.1 SHOULD); nothing else is over 78.
        assert [line for line in header if len(line) > 78 and b" " in line.strip().partition(b": ")[2]] == []

    def test_ids_are_ids(self, path: Path) -> None:
        assert re.fullmatch(MSG_ID, field(path, "message-id"))
        for name in ("references", "in-reply-to"):
            value = field(path, name)
            assert value == "" or re.fullmatch(rf"{MSG_ID}(?: {MSG_ID})*", value), name

    def test_the_lists_fields_are_rfc_2369_and_2919(self, path: Path) -> None:
        if path.stem in OF_NO_LIST:
            assert [name for name, _ in fields_of(path) if name.startswith("list-")] == []
            return
        assert re.fullmatch(r'(?:"?[^<>"]+"? )?<osg-general\.lists\.example\.org>', field(path, "list-id"))
        for name in ("list-post", "list-help", "list-unsubscribe"):
            assert URL_LIST.fullmatch(field(path, name)), name

    def test_it_is_read_again_without_a_defect(self, path: Path) -> None:
        message = parse_message(path.read_bytes())
        assert message.readable
        assert message.defects == ()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
class TestTicketCopies:
    """Of all ticket copies."""

    def test_the_root_id_comes_first_and_is_what_is_answered(self, path: Path) -> None:
        root = field(path, "in-reply-to")
        assert re.fullmatch(r"<t1\.nonce[a-z]+\.[a-z2-7]{16}@lists\.example\.org>", root)
        assert field(path, "references").split(" ")[0] == root
        assert field(path, "message-id") not in field(path, "references")

    def test_only_what_we_wrote_ourselves_is_automatic(self, path: Path) -> None:
        # RFC 3834 5: a person's mail passed on is no automatic one.
        assert field(path, "auto-submitted") == AUTOMATIC.get(path.stem, "")

    def test_a_signature_line_stands_before_our_words(self, path: Path) -> None:
        text = parse_message(path.read_bytes()).text
        assert text.count("\n-- \nYou get this because ") == 1
        assert "\n\n\n" not in text

    def test_no_header_field_holds_the_author_s_private_address(self, path: Path) -> None:
        assert field(path, "from").endswith("<osg-general@lists.example.org>")
        assert field(path, "reply-to").startswith('"OSG ticket 1" <osg-general+1.')


def test_a_list_copy_is_the_author_s_mail_as_it_came() -> None:
    copy = (FOLDER / "opening-as-list-copy.eml").read_bytes()
    header, _, body = copy.partition(b"\r\n\r\n")
    original_header, _, original_body = mail("opening").replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    assert body == original_body
    for line in original_header.split(b"\r\n"):
        dropped = line.startswith((b"List-Id: another", b"Disposition-Notification-To"))
        assert (line in header.split(b"\r\n")) is not dropped, line
    assert header.count(b"List-Id:") == 1
    assert b"Reply-To:" not in header
    assert MORNING.strftime("%d %b %Y %H:%M").encode() in header


def test_a_ticket_copy_hands_on_what_another_tracker_knows_its_mail_by(house: House) -> None:
    house.take_in(b"List-Copy: abcdefgh234567ab\nList-Copy: no proof\n" + mail("opening"))
    copy = message_from_bytes(house.sent()["uc-support@centers.example"].content)
    assert copy.get_all("List-Copy") == [house.app.keys.list_copy(LIST), "abcdefgh234567ab"]


def test_a_ticket_copy_that_another_tracker_wrote_anew_is_known_for_ours(house: House) -> None:
    house.take_in(mail("opening"))
    proof = message_from_bytes(house.sent()["uc-support@centers.example"].content)["List-Copy"]
    raw = (
        f"List-Copy: {proof}\r\nFrom: desk@tracker.example\r\nMessage-ID: <1@tracker.example>\r\n\r\nHi.\r\n"
    )
    envelope = Envelope(Client("192.0.2.1", "mx.example", "ESMTP", "s1"), "desk@tracker.example", (LIST,))
    with pytest.raises(LoopDetected):
        house.app.admission(Writer(house.app.database), house.app.queues).examine_as(
            envelope, raw.encode(), None
        )
