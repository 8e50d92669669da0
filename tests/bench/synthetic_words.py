"""What the people of the made-up support list write: subjects that collide, texts that do not."""

from __future__ import annotations

from random import Random
from typing import Final

_SITES: Final = (
    "Lakeside",
    "Hillside",
    "Northgate",
    "Southgate",
    "Redwood",
    "Elmhurst",
    "Birchfield",
    "Stonebridge",
    "Clearwater",
    "Ironwood",
    "Foxglove",
    "Maplewood",
    "Harbour",
    "Ridgeway",
    "Kingsford",
    "Oakdale",
)
_THINGS: Final = (
    "gatekeeper",
    "xrootd door",
    "squid",
    "CE",
    "pilot factory",
    "proxy renewal",
    "storage element",
    "batch queue",
    "voms mapping",
    "host certificate",
    "accounting probe",
    "information service",
    "transfer agent",
    "worker node",
    "job router",
    "container image",
    "CVMFS mount",
    "network monitor",
    "tape buffer",
    "catalogue",
)
_TROUBLES: Final = (
    "refuses connections",
    "fails after the upgrade",
    "hangs at start",
    "reports wrong numbers",
    "runs out of memory",
    "loses its configuration",
    "is very slow",
    "times out",
    "prints an unknown error",
    "cannot be installed",
    "ignores the new setting",
    "shows as down",
    "needs another port",
    "does not come back after a reboot",
)
# Under these everybody asks, again and again.
COMMON: Final = (
    "Xrootd",
    "Problem with CE",
    "Certificate renewal",
    "Jobs held",
    "Proxy expired",
    "Installation problem",
    "Site down",
    "Squid question",
    "CVMFS error",
    "Upgrade",
    "Voms",
    "GRACC accounting",
    "Transfer failures",
    "help",
    "Question",
    "Login",
    "Error message",
    "New user",
    "OSG software",
    "Pilot jobs failing",
)
SHORT_ANSWERS: Final = (
    "Thanks, that did it.",
    "Any news?",
    "Same here.",
    "Works now, thank you!",
    "Could you send the log?",
    "I see it as well since this morning.",
    "Which version is it?",
    "Please try again now.",
)
_SENTENCES: Final = (
    "Since {day} our {thing} at {site} {trouble}, and the log says code {n}.",
    "We run version {n}.{m} on {m} machines behind a firewall.",
    "The same set-up works at {site}, so I doubt that it is the network.",
    "Restarting it by hand helps for about {m} hours.",
    "Is there a known way around, or should we wait for release {n}?",
    "I have looked through the manual, chapter {m}, and found nothing that fits.",
    "Our users of experiment {site} noticed it first, with {n} jobs waiting.",
    "The file on node{n} has mode 0{m}44 and belongs to the service account.",
    "Could somebody with access to the central {thing} have a look at request {n}?",
    "You need to open port {n} towards the collector as well.",
    "Please check that the clock of node{n} is right; a drift of {m} seconds is enough.",
    "What does the command print when you give it the option for debugging level {m}?",
    "This was fixed in build {n}; take it from the testing repository.",
    "At {site} we set the limit to {n} and have been quiet since {day}.",
    "The trace ends at line {n} of the {thing} module, which is new to me.",
    "It began when the {thing} was moved to another rack at {site}.",
    "Only {m} of {n} transfers arrive, the others stop at the third step.",
    "Our auditors want an answer by {day}, so any hint is welcome.",
    "That message is harmless: the {thing} writes it whenever the cache is cold.",
    "I have raised the quota of group {n}; it takes {m} minutes to spread.",
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "last week", "the power cut")
FIRST: Final = (
    "Ada",
    "Bela",
    "Carla",
    "Dario",
    "Edda",
    "Femi",
    "Gita",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Mona",
    "Nils",
    "Olga",
    "Paul",
    "Qing",
    "Rosa",
    "Sven",
    "Tara",
    "Ugo",
    "Vera",
    "Wim",
    "Xenia",
    "Yuri",
    "Zoe",
)
LAST: Final = ("Ash", "Berg", "Castro", "Dahl", "Engel", "Fonda", "Grau", "Holm", "Iver", "Jung")
PREFIXES: Final = (
    "Re: ",
    "RE: ",
    "AW: ",
    "SV: ",
    "Antw: ",
    "VS: ",
    "Odp: ",
    "Re[2]: ",
    "Re: Re: ",
    "RE: [EXTERNAL] ",
    "答复: ",
    "回复：",
    "Re: AW: ",
    "RIF: ",
    "Ynt: ",
    "[EXT] Re: ",
)


def own_subject(rng: Random) -> str:
    """A subject that says what it is about; now and then two threads have the same."""
    thing, trouble, site = rng.choice(_THINGS), rng.choice(_TROUBLES), rng.choice(_SITES)
    form = rng.choice(("{0} {1} at {2}", "{2}: {0} {1}", "{0} {1}", "How to configure the {0} for {2}?"))
    text = form.format(thing, trouble, site)
    return text[0].upper() + text[1:]


def text(rng: Random, least: int = 2, most: int = 5) -> str:
    """Some sentences; two texts share few of their words."""
    chosen = rng.sample(_SENTENCES, rng.randint(least, most))
    return "\n".join(_filled(rng, sentence) for sentence in chosen)


def _filled(rng: Random, sentence: str) -> str:
    return sentence.format(
        day=rng.choice(_DAYS),
        thing=rng.choice(_THINGS),
        trouble=rng.choice(_TROUBLES),
        site=rng.choice(_SITES),
        n=rng.randint(100, 99999),
        m=rng.randint(2, 9),
    )
