"""A registry by name: who is where, and who is responsible."""

from __future__ import annotations

from collections import defaultdict

from routing.entities import EntityKind
from routing.registry import Registry, Resource, ResourceGroup, SupportCenter, name_key


class Directory:
    """A registry by name; made once for each version of it."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.centers = {name_key(one.name): one for one in registry.centers}
        self.groups = {one.name: one for one in registry.groups}
        self.resources = {one.name: one for one in registry.resources}
        self.vos = {one.name: one for one in registry.vos}
        self.components = {one.name: one for one in registry.components}
        self.of_group: dict[str, list[Resource]] = defaultdict(list)
        for resource in registry.resources:
            self.of_group[resource.group].append(resource)
        self.of_site: dict[str, list[ResourceGroup]] = defaultdict(list)
        self.of_facility: dict[str, list[ResourceGroup]] = defaultdict(list)
        for group in registry.groups:
            self.of_site[group.site].append(group)
            self.of_facility[group.facility].append(group)
        self.vo_names = {name_key(name) for vo in registry.vos for name in (vo.name, *vo.aliases)}

    def center(self, name: str | None) -> SupportCenter | None:
        return None if name is None else self.centers.get(name_key(name))

    def above(self, kind: EntityKind, name: str) -> dict[EntityKind, str]:
        """What a resource, group or site belongs to."""
        found: dict[EntityKind, str] = {}
        if kind is EntityKind.RESOURCE and name in self.resources:
            kind, name = EntityKind.GROUP, self.resources[name].group
            found[EntityKind.GROUP] = name
        if kind is EntityKind.GROUP and name in self.groups:
            found[EntityKind.SITE] = self.groups[name].site
            found[EntityKind.FACILITY] = self.groups[name].facility
        if kind is EntityKind.SITE and self.of_site.get(name):
            found[EntityKind.FACILITY] = self.of_site[name][0].facility
        return found

    def contact_of(self, group: str) -> str | None:
        """The one primary contact that all active resources of a group have, if they have one."""
        known = {one.contact for one in self.of_group[group] if one.active and one.contact}
        return next(iter(known)) if len(known) == 1 else None
