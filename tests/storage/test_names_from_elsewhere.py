"""A ticket is found under the name that it had in another tracker."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import IntegrityError

from mailgate.cli import main
from mailgate.threads.subjects import read_subject
from tests.support.community import LIST, Community
from tests.support.tracked import Tracked
from tracker.model import TicketId
from tracker.storage import aliases, queues


def mail(key: str, subject: str, sender: str = "ann@x.example", fields: str = "") -> bytes:
    head = f"From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{key}@x.example>\n{fields}"
    return f"{head}\nWords of {key}.\n".encode()


def name(community: Community, name: str, number: int, on: str = LIST) -> None:
    community.app.write(
        lambda c: aliases.add(c, queues.find(c, on).id, name, TicketId(number)),
    )


def show(community: Community, number: str) -> Result:
    return CliRunner().invoke(
        main, ["ticket", "show", number, "--json", "--home", str(community.app.instance.home)]
    )


@pytest.fixture
def house(community: Community) -> Community:
    """Ticket 1 was issue17 once; ticket 2 was nothing."""
    community.inject(mail("m1", "Disk full"))
    community.inject(mail("m2", "Something else"))
    name(community, "issue17", 1)
    return community


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        ("[issue17] Disk full", ("issue17",)),
        ("Re: [Issue17] Disk full [issue17] [bug2]", ("issue17", "bug2")),
        ("[ issue17 ] x", ("issue17",)),
        ("[issue] [17] [PATCH v2] [issue17a] [#17] issue17", ()),
        ("[OSG #17] x", ()),
    ],
)
def test_a_subject_may_have_names_in_brackets(subject: str, names: tuple[str, ...]) -> None:
    assert read_subject(subject, "OSG").names == names


def test_a_subject_with_the_old_name_goes_to_its_ticket(house: Community) -> None:
    found = house.inject(mail("r1", "Re: [issue17] Disk full", "bob@x.example"))
    assert (found["ticket"], found["created"], found["evidence"]) == (1, False, "tag")
    found = house.inject(mail("r2", "[issue17] Now another title", "bob@x.example"))
    assert (found["ticket"], found["evidence"]) == (1, "tag")


@pytest.mark.parametrize("subject", ["[issue18] Disk full of something", "issue17 is not mended"])
def test_a_name_that_none_had_is_a_word(house: Community, subject: str) -> None:
    assert house.inject(mail("r1", subject))["created"]


def test_what_it_answers_outranks_the_old_name(house: Community) -> None:
    answer = mail("r1", "Re: [issue17] Something else", fields="In-Reply-To: <m2@x.example>\n")
    assert house.inject(answer)["ticket"] == 2


def test_the_name_follows_a_merge(house: Community) -> None:
    house.operate("merge into 2", 1)
    assert house.inject(mail("r1", "Re: [issue17] Disk full"))["ticket"] == 2
    assert house.ticket(2)["aliases"] == [1, "issue17"]
    assert json.loads(show(house, "issue17").stdout)["ticket"] == 2


def test_the_name_of_a_private_ticket_is_told_to_nobody(house: Community) -> None:
    house.operate("private", 1)
    held = house.inject(mail("r1", "[issue17] Disk full", "eve@y.example"), trust="none")
    assert (held["held"], held["ticket"]) == (True, None)


def test_who_nothing_speaks_for_and_is_no_member_opens_another_ticket(house: Community) -> None:
    found = house.inject(mail("r1", "[issue17] Disk full", "eve@y.example"), trust="none")
    assert found["created"]
    assert house.ticket(found["ticket"])["links"] == [{"kind": "mentions", "ticket": 1}]


def test_a_name_means_the_ticket_of_its_list(house: Community) -> None:
    house.add_list("osg-int@lists.example.org", "INT")
    other = mail("r1", "[issue17] Disk full").replace(LIST.encode(), b"osg-int@lists.example.org")
    assert house.inject(other, ["osg-int@lists.example.org"])["created"]


def test_commands_on_tickets_take_the_name(house: Community) -> None:
    assert json.loads(show(house, "[issue17]").stdout)["ticket"] == 1
    assert json.loads(show(house, "Issue17").stdout)["aliases"] == ["issue17"]
    assert "no ticket was called issue18" in show(house, "issue18").stderr
    house.add_list("osg-int@lists.example.org", "INT")
    name(house, "issue17", 2, "osg-int")
    assert show(house, "issue17").exit_code == 1


def test_a_name_means_one_ticket(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    one, other = tracked.open(ann), tracked.open(ann)
    tracked.do(lambda uow: aliases.add(uow.connection, tracked.queue.id, "issue1", one))
    with pytest.raises(IntegrityError):
        tracked.do(lambda uow: aliases.add(uow.connection, tracked.queue.id, "issue1", other))
    found = tracked.do(lambda uow: aliases.find(uow.connection, tracked.queue.id, ("issue1", "issue2")))
    assert found == {"issue1": one}
