"""What must hold of a text: what it names of the registry, queries, numbers of other trackers."""

from __future__ import annotations

from mailgate.apart import read_message
from mailgate.clean import decode
from mailgate.exchange.profiles import read_profile, usual_number
from routing.decide import decide
from routing.entities import MailTexts
from routing.facts import Facts, Reading
from routing.faults import Fault
from routing.grid import make_grid
from routing.query import parse_query
from routing.registry_route import MOST_CONTACTS
from routing.rules import parse_rules
from tests.support.grid import GRID

_GRID = make_grid(1, GRID)
_RULES = parse_rules(
    '[[rule]]\nname = "registry"\nphase = "route"\n'
    'when = "resource:* or group:* or vo:* or site:*"\nthen = ["registry"]\n'
)
_PROFILE = read_profile(
    "[number]\nsubject = ['#(\\d+)']\ntext = ['ID: *(\\w+)']\n"
    "[status]\nread = { text = ['Status: *(\\w+)'] }\n"
)
_KNOWN = {
    *(one.name for one in (*GRID.centers, *GRID.vos, *GRID.facilities, *GRID.sites, *GRID.groups)),
    *(one.name for one in (*GRID.resources, *GRID.services, *GRID.components)),
}


def check_entities(raw: bytes) -> None:
    """What is found is of the registry and stands in the text; whoever is told is told within the brakes."""
    text = decode(raw, "utf-8")
    found = _GRID.matcher.find(MailTexts(subject=text[:200], new_text=text, quoted_text=text))
    assert {one.name for one in found} <= _KNOWN
    for one in found:
        assert one.text in text, "what is named stands in the mail"
    facts = Facts(sender="una@people.example", subject=text[:200], new_text=text, grid=_GRID)
    decision = decide(_RULES, facts)
    assert not any(line.failed for line in decision.trace)
    assert len(decision.cc) <= MOST_CONTACTS
    assert decision.centers or decision.cc or decision.fallback, "somebody is told"


def check_query(raw: bytes) -> None:
    """A query is refused with a place in it, or answers about any mail."""
    text = decode(raw, "utf-8")[:2000]
    try:
        query = parse_query(text)
    except Fault as fault:
        assert 0 <= fault.offset <= len(text)
        return
    for facts in (Facts(), Facts(subject=text, new_text=text, grid=_GRID)):
        holds, why = query.test(Reading(facts))
        assert isinstance(holds, bool)
        assert why.isprintable()


def check_tracker(raw: bytes) -> None:
    """A number of another tracker is a short word, whatever it sends."""
    message = read_message(raw)
    for number in (usual_number(message), _PROFILE.read_number(message)):
        assert number is None or (number.isascii() and 0 < len(number) <= 40)
    word, _ = _PROFILE.read_status(message)
    assert word == word.strip().lower()
