"""A checkout of the public topology: facilities and sites are folders, groups and downtimes YAML files.

    topology/FACILITY/SITE/GROUP.yaml, GROUP_downtime.yaml, SITE.yaml     topology/support-centers.yaml
    virtual-organizations/VO.yaml        topology/services.yaml           contacts.yaml, where there is one

Its contacts are ids. Their addresses stand in contacts.yaml, which the public does not have; without it
nobody can be told, and a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from routing.importing.reading import (
    Entry,
    Fault,
    Faults,
    Found,
    Progress,
    Unreadable,
    kind_of,
    read_bytes,
)
from routing.registry import (
    CenterKind,
    Downtime,
    Facility,
    Registry,
    Resource,
    ResourceGroup,
    Service,
    Site,
    SupportCenter,
    VirtualOrganization,
    name_key,
)

# libyaml reads the 700 files in seconds; in Python alone it is a minute.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_FILES: Final = 20_000
_RANKS: Final = {"Primary": 0, "Secondary": 1, "Tertiary": 2}
_TIME: Final = "%b %d, %Y %H:%M %z"
_SPECIAL: Final = {"selfsupported": CenterKind.SELF, "communitysupportcenter": CenterKind.COMMUNITY}


def looks_like_topology(path: Path) -> bool:
    return (path / "topology").is_dir()


def read(path: Path, progress: Progress) -> Found:
    """What a checkout says; what cannot be read is a fault. `progress` is told of each facility."""
    return _Checkout(path, progress).read()


class _Checkout:
    """One checkout while it is read."""

    def __init__(self, root: Path, progress: Progress) -> None:
        self._root = root
        self._progress = progress
        self._faults = Faults()
        self._files = 0
        self._addresses: dict[str, str] = {}
        self._found: dict[str, list[Any]] = {"sites": [], "groups": [], "resources": [], "downtimes": []}

    def read(self) -> Found:
        self._addresses = dict(self._contacts())
        centers = tuple(self._centers())
        facilities = tuple(self._facilities())
        registry = Registry(
            centers=centers,
            vos=_with_centers(tuple(self._vos()), centers),
            facilities=facilities,
            sites=tuple(self._found["sites"]),
            groups=tuple(self._found["groups"]),
            resources=tuple(self._found["resources"]),
            services=tuple(
                Service(name) for name in self._mapping(self._root / "topology" / "services.yaml")
            ),
            downtimes=tuple(self._found["downtimes"]),
        )
        if not registry.groups and not self._faults.found:
            self._faults.add("topology", "", "holds no resource group")
        return Found(registry, tuple(self._faults.found), tuple(self._warnings()))

    def _warnings(self) -> Iterator[Fault]:
        if not self._addresses:
            yield Fault("contacts.yaml", "", "is not there: no contact or support center has an address")

    def _contacts(self) -> Iterator[tuple[str, str]]:
        file = self._root / "contacts.yaml"
        if not file.exists():
            return
        for identity, value in self._mapping(file).items():
            entry = self._entry(file, identity, value)
            for one in entry:
                address = str(one.mapping("ContactInformation").get("PrimaryEmail") or "").strip()
                if address:
                    yield identity, address

    def _centers(self) -> Iterator[SupportCenter]:
        file = self._root / "topology" / "support-centers.yaml"
        for name, value in self._mapping(file).items():
            for entry in self._entry(file, name, value):
                gone = "(gone)" in entry.text("LongName") + entry.text("Description")
                kind = _SPECIAL.get(name_key(name), CenterKind.GONE if gone else CenterKind.REAL)
                contacts = entry.mapping("Contacts")
                tickets = self._people(entry, contacts.get("Operations Contact (Ticketing)"))
                yield SupportCenter(
                    name=entry.name,
                    kind=kind,
                    address=next(iter(tickets), None),
                    long_name=entry.text("LongName"),
                    security=self._people(entry, contacts.get("Security Contact")),
                )

    def _vos(self) -> Iterator[VirtualOrganization]:
        for file in self._yaml_files(self._root / "virtual-organizations"):
            for entry in self._entry(file, file.stem, self._mapping(file)):
                if entry.flag("Disable", default=False):
                    continue
                contacts = entry.mapping("Contacts")
                yield VirtualOrganization(
                    name=entry.text("Name", file.stem),
                    long_name=entry.text("LongName"),
                    parent=_text(entry.mapping("ParentVO").get("Name")),
                    active=entry.flag("Active", default=True),
                    admin=self._people(entry, contacts.get("Administrative Contact")),
                    security=self._people(entry, contacts.get("Security Contact")),
                )

    def _facilities(self) -> Iterator[Facility]:
        for folder in self._folders(self._root / "topology"):
            self._progress(folder.name)
            for site in self._folders(folder):
                self._site(folder.name, site)
            yield Facility(folder.name)

    def _site(self, facility: str, folder: Path) -> None:
        about: dict[str, Any] = {}
        for file in self._yaml_files(folder):
            if file.name == "SITE.yaml":
                about = self._mapping(file)
            elif file.stem.endswith("_downtime"):
                self._downtimes(file)
            else:
                self._group(file, facility, folder.name)
        self._found["sites"].append(Site(folder.name, facility, str(about.get("LongName") or "")))

    def _group(self, file: Path, facility: str, site: str) -> None:
        for entry in self._entry(file, file.stem, self._mapping(file)):
            self._found["groups"].append(
                ResourceGroup(
                    name=entry.name,
                    site=site,
                    facility=facility,
                    center=entry.optional("SupportCenter"),
                    description=entry.text("GroupDescription"),
                    production=entry.flag("Production", default=True),
                )
            )
            for name, value in entry.mapping("Resources").items():
                for one in self._entry(file, name, value):
                    self._resource(one, entry.name)

    def _resource(self, entry: Entry, group: str) -> None:
        lists = entry.mapping("ContactLists")
        admins = self._ranked(entry, lists.get("Administrative Contact"))
        shares = entry.mapping("VOOwnership")
        self._found["resources"].append(
            Resource(
                name=entry.name,
                group=group,
                fqdn=entry.text("FQDN").lower() or None,
                fqdn_aliases=tuple(name.lower() for name in entry.texts("FQDNAliases")),
                active=entry.flag("Active", default=True),
                services=tuple(entry.mapping("Services")),
                owners=tuple((vo, int(n)) for vo, n in shares.items() if isinstance(n, int | float)),
                contact=next(iter(admins), None),
                admin=admins,
                security=self._ranked(entry, lists.get("Security Contact")),
                description=entry.text("Description"),
            )
        )

    def _downtimes(self, file: Path) -> None:
        for number, value in enumerate(self._list(file)):
            for entry in self._entry(file, f"downtime {number + 1}", value):
                start, end = _time(entry, "StartTime"), _time(entry, "EndTime")
                if start is not None and end is not None:
                    down = Downtime(
                        resource=entry.text("ResourceName"),
                        start=start,
                        end=end,
                        severity=entry.text("Severity"),
                        klass=entry.text("Class"),
                        description=entry.text("Description"),
                        services=entry.texts("Services"),
                    )
                    self._found["downtimes"].append(down)

    def _people(self, entry: Entry, value: Any) -> tuple[str, ...]:
        """The addresses of a list of contacts."""
        if value is None:
            return ()
        if not isinstance(value, list):
            entry.fault(f"has contacts that are {kind_of(value)}, not a list")
            return ()
        identities = (str(one.get("ID", "")) for one in value if isinstance(one, dict))
        return tuple(self._addresses[one] for one in identities if one in self._addresses)

    def _ranked(self, entry: Entry, value: Any) -> tuple[str, ...]:
        """The addresses of contacts by rank: Primary, Secondary, Tertiary."""
        if value is None:
            return ()
        if not isinstance(value, dict):
            entry.fault(f"has contacts that are {kind_of(value)}, not a mapping")
            return ()
        ranks = sorted(value, key=lambda rank: _RANKS.get(str(rank), len(_RANKS)))
        return self._people(entry, [value[rank] for rank in ranks])

    def _entry(self, file: Path, name: str, value: Any) -> Iterator[Entry]:
        if not isinstance(value, dict):
            self._faults.add(self._shown(file), name, f"is {kind_of(value)}, not a mapping")
            return
        yield Entry(self._shown(file), name, {str(key): one for key, one in value.items()}, self._faults)

    def _mapping(self, file: Path) -> dict[str, Any]:
        content = self._load(file)
        if content is None:
            return {}
        if not isinstance(content, dict):
            self._faults.add(self._shown(file), "", f"is {kind_of(content)}, not a mapping")
            return {}
        return {str(key): value for key, value in content.items()}

    def _list(self, file: Path) -> list[Any]:
        content = self._load(file)
        if content is None:
            return []
        if not isinstance(content, list):
            self._faults.add(self._shown(file), "", f"is {kind_of(content)}, not a list")
            return []
        return content

    def _load(self, file: Path) -> Any:
        shown = self._shown(file)
        try:
            text = read_bytes(file, shown).decode("utf-8")
            # What an alias stands for is one object however often it is named, and nobody here walks it all.
            return yaml.load(text, Loader=_LOADER)  # noqa: S506  # a safe loader, in C
        except Unreadable as error:
            self._faults.add(shown, "", str(error).removeprefix(f"{shown}: "))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
            self._faults.add(shown, "", f"cannot be read: {at}{error.problem}")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self._faults.add(shown, "", f"cannot be read: {type(error).__name__}")
        return None

    def _folders(self, parent: Path) -> Iterator[Path]:
        for path in sorted(parent.iterdir()) if parent.is_dir() else ():
            if path.is_dir() and not path.name.startswith(".") and not self._leads_out(path):
                yield path

    def _yaml_files(self, parent: Path) -> Iterator[Path]:
        for path in sorted(parent.glob("*.yaml")) if parent.is_dir() else ():
            self._files += 1
            if self._files > _MOST_FILES:
                self._faults.add(
                    self._shown(parent), "", f"has over {_MOST_FILES} files, which is no registry"
                )
                return
            if not self._leads_out(path):
                yield path

    def _leads_out(self, path: Path) -> bool:
        """Whether a link leads out of the checkout; what is there is none of ours to read."""
        if not path.is_symlink() or path.resolve().is_relative_to(self._root.resolve()):
            return False
        self._faults.add(self._shown(path), "", "is a link that leads out of the folder")
        return True

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._root))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _with_centers(
    vos: tuple[VirtualOrganization, ...], centers: tuple[SupportCenter, ...]
) -> tuple[VirtualOrganization, ...]:
    """The checkout names no center of a VO: the one of its own name, or of its name for the US, or its
    parent's."""
    known = {name_key(center.name): center.name for center in centers}
    own = {vo.name: known.get(name_key(vo.name)) or known.get("us" + name_key(vo.name)) for vo in vos}
    return tuple(
        replace(vo, center=own[vo.name] or (own.get(vo.parent) if vo.parent is not None else None))
        for vo in vos
    )


def _time(entry: Entry, key: str) -> datetime | None:
    text = entry.text(key)
    try:
        return datetime.strptime(text, _TIME).astimezone(UTC)
    except ValueError:
        entry.fault(f"{key} {text!r} is no time; write it as Mar 01, 2026 08:00 +0000")
        return None
