"""The grid's registry as frozen values: who supports what, and whom to ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CenterKind(StrEnum):
    """What a support center of the registry stands for.

    `real` is one that may be mailed; `community` the list itself; `self` says that a group supports itself;
    `gone` does not exist any more.
    """

    REAL = "real"
    COMMUNITY = "community"
    SELF = "self"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class SupportCenter:
    """Who helps; `address` is where tickets are announced, None where the registry knows none."""

    name: str
    kind: CenterKind = CenterKind.REAL
    address: str | None = None
    long_name: str = ""
    aliases: tuple[str, ...] = ()
    security: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualOrganization:
    """A VO; `center` supports its people. `word`: its name is an everyday word."""

    name: str
    long_name: str = ""
    aliases: tuple[str, ...] = ()
    parent: str | None = None
    center: str | None = None
    active: bool = True
    word: bool = False
    admin: tuple[str, ...] = ()
    security: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facility:
    """A university or laboratory, which has sites."""

    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a facility, which has resource groups."""

    name: str
    facility: str
    long_name: str = ""


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """Resources that are run together; `center` is None where the registry names none."""

    name: str
    site: str
    facility: str
    center: str | None = None
    description: str = ""
    production: bool = True
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """A machine or service of a group.

    `contact` is its primary administrator, `admin` all of them; addresses. `owners` are VOs and their share
    in percent.
    """

    name: str
    group: str
    fqdn: str | None = None
    fqdn_aliases: tuple[str, ...] = ()
    active: bool = True
    services: tuple[str, ...] = ()
    owners: tuple[tuple[str, int], ...] = ()
    contact: str | None = None
    admin: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    description: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of service, as CE or Squid."""

    name: str


@dataclass(frozen=True, slots=True)
class Component:
    """A piece of software or a common service that a support center looks after."""

    name: str
    center: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downtime:
    """When a resource is not to be counted on; both times aware."""

    resource: str
    start: datetime
    end: datetime
    severity: str = ""
    klass: str = ""
    description: str = ""
    services: tuple[str, ...] = ()

    def lasts(self, at: datetime) -> bool:
        """Whether it is going on at that time."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Registry:
    """All that is known of the grid. Of each kind a name stands once as it is spelled."""

    centers: tuple[SupportCenter, ...] = ()
    vos: tuple[VirtualOrganization, ...] = ()
    facilities: tuple[Facility, ...] = ()
    sites: tuple[Site, ...] = ()
    groups: tuple[ResourceGroup, ...] = ()
    resources: tuple[Resource, ...] = ()
    services: tuple[Service, ...] = ()
    components: tuple[Component, ...] = ()
    downtimes: tuple[Downtime, ...] = ()


def name_key(name: str) -> str:
    """How names are compared: case folded, without blanks, `-` and `_`."""
    return "".join(c for c in name.casefold() if c not in "-_ ")
