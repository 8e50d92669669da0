"""The hosts of a registry: whole, by their first label, and by the domain of those it does not know."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from routing.entities import EntityKind
from routing.names import ATOM
from routing.registry import Registry, Resource

# First labels that many sites use: they mean one's own, not the only one in the registry.
_COMMON: Final = re.compile(
    r"(?:ce|se|osg|grid|gate|gw|gk|gatekeeper|node|wn|worker|srv|server|host|squid|cache|origin|xrootd|ps|ap|login"
    r"|submit|hosted-ce|head|hn|frontend|fe|dtn|proxy|mon|test|dev|web|db|ns|mail|vm|cms|atlas|prod|sub)[-_]?\d{1,3}"
)
# Hosts of an institute that are no grid service.
_NO_MACHINE: Final = frozenset(
    [
        "www",
        "web",
        "mail",
        "smtp",
        "mx",
        "imap",
        "lists",
        "list",
        "ftp",
        "twiki",
        "wiki",
        "docs",
        "doc",
        "git",
        "svn",
        "cvs",
        "savannah",
        "indico",
        "helpdesk",
        "support",
        "status",
        "news",
        "blog",
        "jira",
        "bugzilla",
        "portal",
        "my",
        "ns",
        "ns1",
        "ns2",
        "dns",
        "lxplus",
        "gitlab",
        "github",
    ]
)
# example.ac.uk and example.com.br are one institute's; ac.uk and com.br are none.
_SECOND_LEVEL: Final = frozenset(
    ["ac", "co", "com", "edu", "gov", "org", "net", "or", "ne", "go", "gob", "nom", "res", "in"]
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a domain belongs to: the site, where it is one site's alone, else its facility."""

    kind: EntityKind
    name: str


class Hosts:
    """Looked up by whole name, short name and domain."""

    def __init__(self, registry: Registry) -> None:
        self._whole: dict[str, list[str]] = defaultdict(list)
        labels: dict[str, set[str]] = defaultdict(set)
        for resource in registry.resources:
            for host in _hosts_of(resource):
                self._whole[host].append(resource.name)
                labels[host.partition(".")[0]].add(resource.name)
        self._short = {
            label: next(iter(names))
            for label, names in labels.items()
            if len(names) == 1 and _is_telling(label)
        }
        self._by_label: dict[str, list[str]] = defaultdict(list)
        for host in self._whole:
            self._by_label[host.partition(".")[0]].append(host)
        self._firsts = {found[0] for label in self._short if (found := ATOM.match(label))}
        self._domains = dict(_domains(registry))

    def may_begin(self, atom: str) -> bool:
        """Whether the first label of some host begins with these letters and digits."""
        return atom in self._firsts

    def whole(self, host: str) -> list[str]:
        """The resources of a host; also where the end of its name is left out, if that is the only one."""
        if host in self._whole:
            return self._whole[host]
        alike = [one for one in self._by_label.get(host.partition(".")[0], ()) if one.startswith(f"{host}.")]
        return self._whole[alike[0]] if len(alike) == 1 and "." in host else []

    def short(self, label: str) -> str | None:
        """The one resource whose host begins with that label."""
        return self._short.get(label)

    def of_domain(self, host: str) -> Place | None:
        """Where a host stands that the registry does not know."""
        label, _, domain = host.partition(".")
        if label in _NO_MACHINE or label.startswith("www"):
            return None
        while domain:
            if domain in self._domains:
                return self._domains[domain]
            domain = domain.partition(".")[2]
        return None


def _hosts_of(resource: Resource) -> Iterator[str]:
    for host in (resource.fqdn, *resource.fqdn_aliases):
        if host:
            yield host.lower().rstrip(".")


def _is_telling(label: str) -> bool:
    return (
        len(label) >= 4
        and any(c.isdigit() for c in label)
        and not label.isdigit()
        and _COMMON.fullmatch(label) is None
    )


def _domains(registry: Registry) -> Iterator[tuple[str, Place]]:
    """The domains that are one facility's alone, with its site where they are one site's alone."""
    groups = {group.name: group for group in registry.groups}
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for resource in registry.resources:
        group = groups.get(resource.group)
        for host in _hosts_of(resource) if group is not None else ():
            domain = host.partition(".")[2]
            while _is_institute(domain):
                owners[domain].add((group.site, group.facility) if group else ("", ""))
                domain = domain.partition(".")[2]
    for domain, places in owners.items():
        sites = {site for site, _ in places}
        facilities = {facility for _, facility in places}
        if len(sites) == 1 and "" not in sites:
            yield domain, Place(EntityKind.SITE, next(iter(sites)))
        elif len(facilities) == 1 and "" not in facilities:
            yield domain, Place(EntityKind.FACILITY, next(iter(facilities)))


def _is_institute(domain: str) -> bool:
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return False
    return not (len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SECOND_LEVEL)
