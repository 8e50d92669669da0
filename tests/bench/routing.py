"""What a decision costs: `make bench-routing`.

A mail of two kilobytes that names two hosts, a group and a VO; 500 rules, of which every fifth asks the
registry. CPU milliseconds a decision, entities included, beside a floor measured in the same run: one pass
of a regular expression that finds the words of the same text.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from routing.decide import decide
from routing.entities import MailTexts
from routing.facts import Facts
from routing.grid import Grid, make_grid
from routing.importing import neutral
from routing.registry import (
    Facility,
    Registry,
    Resource,
    ResourceGroup,
    Site,
    SupportCenter,
    VirtualOrganization,
)
from routing.rules import RuleSet, parse_rules
from tests.support.shared import shared_folder

_WORDS = re.compile(r"[^\W_]+")
_PLAIN = [
    "the",
    "jobs",
    "wait",
    "fail",
    "node",
    "error",
    "log",
    "queue",
    "storage",
    "transfer",
    "since",
    "morning",
    "please",
    "help",
    "update",
    "version",
    "proxy",
    "certificate",
    "restart",
    "output",
    "disk",
    "quota",
    "we",
    "see",
    "that",
    "when",
    "with",
    "from",
    "our",
    "users",
    "cannot",
    "reach",
    "after",
    "upgrade",
]
_RULES = 500


def main() -> None:
    rules = rule_set()
    print(
        f"{'resources':>10} {'index ms':>9} {'mail kB':>8} {'match ms':>9} {'decide ms':>10} {'x floor':>8}"
    )
    for count in (100, 1_000, 10_000):
        row(f"{count}", synthetic(count), rules, 2_000)
    real = shared()
    if real is None:
        print("the public registry was not measured: set MAILGATE_SHARED to the folder with data/registry")
    else:
        row("public", real, rules, 2_000)
        for size in (500, 8_000, 32_000, 64_000):
            row("public", real, rules, size)


def row(name: str, registry: Registry, rules: RuleSet, size: int) -> None:
    begun = time.process_time()
    grid = make_grid(1, registry)
    index = (time.process_time() - begun) * 1000
    facts = mail(grid, size)
    texts = MailTexts(facts.subject, facts.new_text)
    floor = cost(lambda: _WORDS.findall(facts.new_text))
    match = cost(lambda: grid.matcher.find(texts))
    whole = cost(lambda: decide(rules, facts))
    kilobytes = len(facts.new_text) / 1000
    print(f"{name:>10} {index:9.1f} {kilobytes:8.1f} {match:9.2f} {whole:10.2f} {whole / floor:8.1f}")


def cost(work: Callable[[], object]) -> float:
    """CPU milliseconds of one call: the best of five batches."""
    batches = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(20):
            work()
        batches.append((time.process_time() - begun) / 20 * 1000)
    return min(batches)


def mail(grid: Grid, size: int) -> Facts:
    rng = random.Random(7)
    registry = grid.registry
    named = [one for one in registry.resources if one.fqdn]
    hosts = [str(one.fqdn) for one in rng.sample(named, 2)]
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(rng.choice(_PLAIN))
    for at, word in zip(
        (5, 40, 60, 75), (*hosts, registry.groups[0].name, registry.vos[0].name), strict=True
    ):
        words.insert(at, word)
    lines = [" ".join(words[at : at + 12]) for at in range(0, len(words), 12)]
    text = "\n".join(lines)
    return Facts(
        sender="una@people.example",
        subject="Jobs fail since the upgrade",
        new_text=text,
        received=datetime(2026, 3, 2, tzinfo=UTC),
        grid=grid,
    )


def rule_set() -> RuleSet:
    """500 rules of the kinds that people write, and the registry's."""
    kinds = (
        'body:("word{n} failed" | trouble{n}) is:new',
        "subject:~/\\\\b(crash{n}|segfault{n})\\\\b/",
        "domain:(site{n}.example | lab{n}.example) -is:bounce",
        "vo:VO{n} -group:*",
        "from:*@people{n}.example or header:X-Site:site{n}",
    )
    head = "[[rule]]\nname = '{name}'\nphase = 'route'\nthen = ['{action}']\nwhen = '''{when}'''\n"
    text = [
        head.format(name=f"r{n}", action=f"center+=C{n}", when=kinds[n % 5].format(n=n))
        for n in range(_RULES - 1)
    ]
    by_registry = "resource:* or group:* or site:* or facility:* or vo:* or center:* or component:*"
    text.append(head.format(name="registry", action="registry", when=by_registry))
    return parse_rules("\n".join(text))


def synthetic(count: int) -> Registry:
    """A grid of that many resources, ten a group, with names of the usual shapes."""
    groups = range(count // 10)
    return Registry(
        centers=tuple(SupportCenter(f"SC-{n}", address=f"sc{n}@centers.example") for n in range(50)),
        vos=tuple(VirtualOrganization(f"VO{n}", center=f"SC-{n % 50}") for n in range(100)),
        facilities=tuple(Facility(f"University {n}") for n in groups),
        sites=tuple(Site(f"Site_{n}", f"University {n}") for n in groups),
        groups=tuple(
            ResourceGroup(f"UNI{n}_Tier2", f"Site_{n}", f"University {n}", center=f"SC-{n % 50}")
            for n in groups
        ),
        resources=tuple(
            Resource(
                f"UNI{n // 10}-CE{n % 10}",
                f"UNI{n // 10}_Tier2",
                fqdn=f"ce{n % 10}.uni{n // 10}.example",
                contact=f"admin@uni{n // 10}.example",
            )
            for n in range(count)
        ),
    )


def shared() -> Registry | None:
    """The public registry in MAILGATE_SHARED, or beside the repository."""
    folder = shared_folder() / "data" / "registry"
    return neutral.read(folder).registry if folder.is_dir() else None


if __name__ == "__main__":
    main()
