"""The four use cases of the proposal, by mail, with its own world of 2005."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest

from routing.importing import neutral
from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid
from tests.support.shared import shared_folder

OVERLAY = shared_folder() / "data" / "registry" / "overlay_2005.json"
pytestmark = pytest.mark.skipif(not OVERLAY.is_file(), reason="needs ../shared or MAILGATE_SHARED")

USCMS, OPERATIONS, VDT = "uscms@sc.example.net", "osg-operations@sc.example.net", "vdt@sc.example.net"
STAFF = {"USCMS": "ulla@uscms.example", "OSG Operations": "otto@goc.example", "VDT": "vera@vdt.example"}


@pytest.fixture
def world(community: Community) -> Community:
    put_grid(community, neutral.read(OVERLAY).registry)
    for center, address in STAFF.items():
        community.add_staff(center, address)
    community.subscribe("helper@list.example")
    return community


def mail(sender: str, subject: str, text: str) -> bytes:
    word = sender.partition("@")[0] + str(len(text))
    return (
        f"From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{word}@x.example>\n\n{text}\n".encode()
    )


def reply(world: Community, as_whom: str, at: str, text: str) -> dict[str, Any]:
    """Answer the last ticket copy that came to the address `at`, as a mail client does."""
    last = [copy for copy in world.bag.copies if copy.recipient == at][-1]
    message = email.message_from_bytes(last.content, policy=email.policy.default)
    subject, parent = str(message["Subject"]).removeprefix("Re: "), message["Message-ID"]
    head = f"From: {as_whom}\nTo: {message['Reply-To']}\nSubject: Re: {subject}\nIn-Reply-To: {parent}\n"
    word = as_whom.partition("@")[0] + str(len(text))
    raw = f"{head}References: {message['References']} {parent}\nMessage-ID: <{word}@r.example>\n\n{text}\n"
    token = message["Reply-To"].addresses[0].addr_spec
    return world.inject(raw.encode(), [token])


def told(world: Community) -> set[str]:
    return {copy.recipient for copy in world.bag.copies}


def text_to(world: Community, address: str) -> str:
    last = [copy for copy in world.bag.copies if copy.recipient == address][-1]
    message = email.message_from_bytes(last.content, policy=email.policy.default)
    return " ".join(str(message.get_content()).split())  # type: ignore[attr-defined]


def hops(world: Community) -> list[str]:
    kinds = ("center_added", "contact_added")
    return [event["after"] for event in world.ticket(1)["history"] if event["kind"] in kinds]


def test_1_a_compute_element_in_monitoring_goes_from_the_vo_by_operations_to_its_contact(
    world: Community,
) -> None:
    question = (
        "I am a USCMS user. MonALISA shows a compute element of Academia Sinica that runs an OSG release,\n"
        "but GridCat does not know it. Is that meant?"
    )
    result = world.inject(mail("una@cern.example", "CE in MonALISA, not in GridCat", question))
    assert (result["centers"], result["cc"], result["fallback"]) == (["USCMS"], [], False)
    assert "your support center USCMS: USCMS (named in the text) is a VO that you support" in text_to(
        world, USCMS
    )
    reply(world, STAFF["USCMS"], USCMS, "!center OSG Operations\nThis is for the catalog's people.")
    assert "MonALISA shows" in text_to(world, OPERATIONS)
    reply(world, STAFF["OSG Operations"], OPERATIONS, "!center ASCC\nPlease register your gatekeeper.")
    assert "you are the contact of ASCC, to which it was handed over" in text_to(
        world, "ascc-admin@contacts.example.net"
    )
    answered = reply(
        world, "ascc-admin@contacts.example.net", "ascc-admin@contacts.example.net", "Registered now."
    )
    assert answered["ticket"] == 1
    assert hops(world) == ["USCMS", "OSG Operations", "ascc-admin@contacts.example.net"]
    # Who had it before stays informed, and so is she who asked.
    assert "Registered now." in text_to(world, "una@cern.example")
    assert "Registered now." in text_to(world, STAFF["USCMS"])


def test_1_without_a_contact_it_goes_to_the_list(world: Community) -> None:
    result = world.inject(
        mail("una@cern.example", "CE not in GridCat", "ce2.ascc.example.net is not in GridCat.")
    )
    assert (result["centers"], result["cc"], result["fallback"]) == ([], [], True)
    assert "helper@list.example" in told(world)


def test_2_a_sysadmin_who_installs_is_helped_by_the_community(world: Community) -> None:
    question = "I install an OSG release with pacman from the OSG software cache and it fails. What is wrong?"
    result = world.inject(mail("sam@tinycollege.example", "Installation fails", question))
    assert (result["centers"], result["cc"], result["fallback"]) == ([], [], True)
    world.inject(mail("helper@list.example", "Re: Installation fails", "Which release? Set PACMAN first."))
    assert "Set PACMAN first." in text_to(world, "sam@tinycollege.example")
    assert told(world) == {"helper@list.example", "sam@tinycollege.example"}


def test_3_a_bug_in_a_component_goes_to_its_center_and_stays_on_the_list(world: Community) -> None:
    question = "I found a bug in VDT 1.3.6: the setup script crashes when PATH is empty."
    result = world.inject(mail("sam@tinycollege.example", "Bug in VDT", question))
    assert result["centers"] == ["VDT"]
    assert {VDT, "helper@list.example"} <= told(world)
    reply(world, STAFF["VDT"], VDT, "!claim\nFixed in 1.3.7.")
    assert world.ticket(1)["owner"] == STAFF["VDT"]
    assert "Fixed in 1.3.7." in text_to(world, "sam@tinycollege.example")


def test_4_jobs_of_a_vo_that_fail_locally_go_to_the_vo_and_not_back_to_the_contact_who_writes(
    world: Community,
) -> None:
    question = "All USCMS jobs fail at our gatekeeper osg.smallu.example.net since Monday."
    result = world.inject(mail("smallu-admin@contacts.example.net", "USCMS jobs fail", question))
    assert (result["centers"], result["cc"]) == (["USCMS"], [])
    assert "smallu-admin@contacts.example.net" not in told(world)
