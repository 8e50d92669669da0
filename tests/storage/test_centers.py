"""Support centers: the names they go by, and their staff."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from tests.support.tracked import NOW, OPERATOR, Tracked, address
from tracker import assign
from tracker.commands import ChosenCenter, Route
from tracker.model import BadValue, Center, NoSuchCenter, Wants
from tracker.storage import centers
from tracker.storage import tickets as store


def create(tracked: Tracked, name: str, mail: str | None = None) -> Center:
    where = None if mail is None else address(mail)
    return tracked.database.write(lambda c: centers.create(c, name, where, Wants.OPENINGS, NOW))


def alias(tracked: Tracked, center: Center, name: str) -> None:
    tracked.database.write(lambda connection: centers.add_alias(connection, center.id, name))


def find(tracked: Tracked, name: str) -> Center:
    return tracked.database.read(lambda connection: centers.find(connection, name))


@pytest.mark.parametrize("spelling", ["US-CMS", "uscms", "Us Cms", "U_S-CMS", " us-cms "])
def test_case_blanks_and_hyphens_of_a_name_do_not_matter(tracked: Tracked, spelling: str) -> None:
    center = create(tracked, "US-CMS", "cms")
    assert find(tracked, spelling) == center


def test_an_alias_finds_its_center(tracked: Tracked) -> None:
    center = create(tracked, "USCMS")
    alias(tracked, center, "CMS Operations")
    alias(tracked, center, "cms-operations")
    assert find(tracked, "CMSOperations") == center
    assert tracked.database.read(lambda c: centers.aliases(c, center.id)) == ("CMS Operations", "USCMS")


def test_a_name_is_one_centers_only(tracked: Tracked) -> None:
    cms, atlas = create(tracked, "USCMS"), create(tracked, "USATLAS")
    with pytest.raises(BadValue, match="already"):
        create(tracked, "us-cms")
    with pytest.raises(BadValue, match="another"):
        alias(tracked, atlas, "U S C M S")
    with pytest.raises(BadValue, match="needs a name"):
        create(tracked, " - ")
    assert find(tracked, "uscms") == cms


def test_an_unknown_name_is_answered_with_the_nearest(tracked: Tracked) -> None:
    for name in ("USCMS", "USATLAS", "VDT"):
        create(tracked, name)
    with pytest.raises(NoSuchCenter, match="no support center 'USCSM'; did you mean 'USCMS'"):
        find(tracked, "USCSM")
    with pytest.raises(NoSuchCenter, match=r"'entirely else'$"):
        find(tracked, "entirely else")
    with pytest.raises(NoSuchCenter):
        find(tracked, "")


def test_several_spellings_of_one_center_are_each_found(tracked: Tracked) -> None:
    cms, vdt = create(tracked, "USCMS"), create(tracked, "VDT")
    names = ("US-CMS", "uscms", "VDT", "nobody")
    found = tracked.database.read(lambda connection: centers.lookup(connection, names))
    assert found == {"US-CMS": cms, "uscms": cms, "VDT": vdt}


def test_a_route_brings_each_center_in_once_and_names_the_unknown(tracked: Tracked) -> None:
    create(tracked, "USCMS", "cms")
    number = tracked.open(tracked.person("ann"))
    command = Route(number, "rules rev 3", centers=tuple(map(ChosenCenter, ("USCMS", "us-cms", "nobody"))))
    routed = tracked.do(lambda uow: assign.route(uow, command))
    assert routed.unknown == ("nobody",)
    tracked.do(lambda uow: assign.route(uow, command))
    assert tracked.events(number)[2:] == ["center_added >USCMS"]
    (center,) = tracked.database.read(lambda connection: store.centers_of(connection, (number,)))
    assert (center.name, center.address, center.why) == ("USCMS", address("cms"), "rules rev 3")


def test_a_center_with_tickets_is_not_removed(tracked: Tracked) -> None:
    center = create(tracked, "USCMS")
    ann = tracked.person("ann")
    tracked.database.write(lambda connection: centers.add_member(connection, center.id, ann.id))
    alias(tracked, center, "CMS")
    number = tracked.open(ann)
    tracked.do(lambda uow: assign.add_center(uow, number, center, OPERATOR))
    with pytest.raises(BadValue, match="tickets are with this center"):
        tracked.database.write(lambda connection: centers.remove(connection, center.id))
    assert find(tracked, "CMS") == center
    tracked.do(lambda uow: assign.remove_center(uow, number, center, OPERATOR))
    tracked.database.write(lambda connection: centers.remove(connection, center.id))
    assert tracked.database.read(centers.everyone) == ()
    create(tracked, "CMS")


def test_staff_come_once_and_go(tracked: Tracked) -> None:
    center, ann, bob = create(tracked, "USCMS"), tracked.person("ann"), tracked.person("bob")

    def appoint(connection: Connection) -> None:
        for person in (bob, ann, ann):
            centers.add_member(connection, center.id, person.id)

    tracked.database.write(appoint)
    assert tracked.database.read(lambda c: centers.members(c, center.id)) == (ann, bob)
    tracked.database.write(lambda connection: centers.remove_member(connection, center.id, ann.id))
    assert tracked.database.read(lambda c: centers.members(c, center.id)) == (bob,)


def test_a_changed_address_holds_for_tickets_it_has(tracked: Tracked) -> None:
    center = create(tracked, "USCMS", "old")
    number = tracked.open(tracked.person("ann"))
    tracked.do(lambda uow: assign.add_center(uow, number, center, OPERATOR))
    tracked.database.write(lambda c: centers.change(c, center.id, address("new"), Wants.ALL))
    (found,) = tracked.database.read(lambda connection: store.centers_of(connection, (number,)))
    assert (found.address, found.wants) == (address("new"), Wants.ALL)
