"""The rules we ship: what the first-post rule holds, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from routing.decide import decide
from routing.facts import Facts, Kind, SenderClass
from routing.rules import RuleSet, emit_rules, parse_rules

SHIPPED = Path(__file__).parents[2] / "config" / "routing.toml"

ADVERTS = [
    ("Cheap meds shipped to you", "Viagra, Cialis and more, no prescription needed. Worldwide delivery."),
    ("Your health", "Visit our online pharmacy today: generic pills at a fraction of the cost."),
    (
        "Website traffic",
        "I looked at your site. Our SEO services bring it to the first page of\nGoogle in weeks.",
    ),
    ("Quick question", "We place quality backlinks and can publish a guest post on your blog. Interested?"),
    ("Funding", "Do you need a loan? We give personal loans at 3% to anybody, even with bad credit."),
    ("Business loan approved", "Loans from $10,000 up to 5 million dollars. Answer with your phone number."),
    ("Play now", "The best online casino of the year: 200 free spins and a welcome bonus on your deposit."),
    ("Earn with Bitcoin", "Our platform gives guaranteed returns of 20% a week. Double your money!"),
    ("A secret of the rich", "Invest in crypto with our trading signals and reach financial freedom."),
    ("Summer sale", "Get 70% off all sunglasses. Shop now, while stocks last."),
    ("Partnership", "Our products will delight your customers.\n\nTo unsubscribe, answer with STOP."),
    (
        "Newsletter of March",
        "What is new in our shop this month.\n\nUnsubscribe\nbelow if this is not for you.",
    ),
    (
        "LED lights",
        "We are a leading manufacturer of LED lamps. Ask for our product catalog and factory prices.",
    ),
    ("Conference contacts", "We have the attendees list of this year's expo, 12,000 contacts, verified."),
    ("Up to 60% discount", "Luxury bags: enjoy 60% discount today."),
]

QUESTIONS = [
    ("How do I subscribe?", "I would like to subscribe to the list of the storage group. How is that done?"),
    ("Unsubscribe does not work", "I pressed unsubscribe in the footer and still get the digest. What now?"),
    ("Offer of help", "I can offer two nodes for tests of the new release. Whom shall I talk to?"),
    (
        "No free space on the SE",
        "Our jobs fail: there is no free space left on device. Where can we clean up?",
    ),
    ("Licence discount", "Is there a discount on the compiler licence for members of the collaboration?"),
    ("Accounting 20% off", "The numbers of March are about 20% off from what our batch system says."),
    (
        "Up to 5% of jobs fail",
        "Since Monday up to 5% of our jobs end with exit status 137. The log is attached.",
    ),
    ("Miner on a worker node", "We found a bitcoin miner running as the pilot account. Whom do we tell?"),
    ("Node on loan", "We have a GPU node on loan until May; may it join the pool for that time?"),
    (
        "Certificate expired",
        "My certificate expired and I cannot order a new one: the page says act on the CA.",
    ),
    ("Webinar slides", "Are the slides of the last webinar somewhere? I missed it."),
    (
        "Buy or build",
        "Should we buy storage or use what the site has? Is there a list of prices people paid?",
    ),
    ("Google Scholar", "Our papers do not show on Google Scholar; does the portal block search engines?"),
    ("Free trial allocation", "Is there a trial allocation for a new group? We would need about 1000 hours."),
    (
        "Mail of the list",
        "The footer says 'To unsubscribe write to the owner', but he does not answer. Can you help me?",
    ),
    ("Traffic", "We see traffic to your site from our monitoring host at 50% of the link. Is it expected?"),
    ("casino.site.example down", "The host casino.site.example has been down since noon; jobs queue up."),
]


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return parse_rules(SHIPPED.read_text())


def first_post(mail: tuple[str, str]) -> Facts:
    return Facts(sender="x@new.example", queue="help", subject=mail[0], new_text=mail[1])


@pytest.mark.parametrize("mail", ADVERTS, ids=lambda mail: mail[0])
def test_the_advert_of_an_unknown_sender_is_held(shipped: RuleSet, mail: tuple[str, str]) -> None:
    decision = decide(shipped, first_post(mail))
    assert (decision.hold, decision.rules) == ("advertising?", ("hold-first-post-ads",))


@pytest.mark.parametrize("mail", QUESTIONS, ids=lambda mail: mail[0])
def test_the_question_of_a_newcomer_is_not_held(shipped: RuleSet, mail: tuple[str, str]) -> None:
    assert decide(shipped, first_post(mail)).hold is None, decide(shipped, first_post(mail)).trace


@pytest.mark.parametrize("mail", ADVERTS[:2], ids=lambda mail: mail[0])
def test_known_senders_and_replies_are_not_asked(shipped: RuleSet, mail: tuple[str, str]) -> None:
    facts = first_post(mail)
    assert decide(shipped, replace(facts, sender_class=SenderClass.KNOWN)).hold is None
    assert decide(shipped, replace(facts, kinds=frozenset({Kind.REPLY}))).hold is None


def test_what_is_shipped_survives_its_own_round_trip(shipped: RuleSet) -> None:
    assert parse_rules(emit_rules(shipped)) == shipped


def test_the_examples_parse_once_their_comment_marks_are_gone() -> None:
    examples = SHIPPED.read_text().split("# Examples;")[1].splitlines()[1:]
    found = parse_rules("\n".join(line.removeprefix("#").strip() for line in examples))
    assert len(found.rules) >= 5
