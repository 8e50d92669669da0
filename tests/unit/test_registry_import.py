"""Registries of others are read whole, or every fault in them is named by file and entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from routing.importing import checks, neutral, topology
from routing.importing.differences import differences
from routing.importing.reading import Found
from routing.registry import CenterKind, Registry, Resource, SupportCenter
from routing.registry_json import from_json, to_json
from tests.support.grid import GRID
from tests.support.neutral import CENTERS, GROUPS, neutral_file


def faults_of(found: Found) -> list[str]:
    every = (*found.faults, *checks.repeated(found.registry), *checks.faults(found.registry))
    return [str(fault) for fault in every]


def test_one_file_of_several_kinds_is_read(tmp_path: Path) -> None:
    found = neutral.read(neutral_file(tmp_path))
    assert found.faults == ()
    (resource,) = found.registry.resources
    assert (resource.group, resource.fqdn, resource.owners) == ("NU", "ce.nu.example", (("AURORA", 60),))
    assert found.registry.sites[0].facility == "North University"
    assert faults_of(found) == []


def test_a_folder_of_one_file_a_kind_is_read(tmp_path: Path) -> None:
    (tmp_path / "resource_groups.json").write_text(json.dumps(GROUPS))
    (tmp_path / "support_centers.json").write_text(json.dumps(CENTERS))
    down = {"resource": "NU-CE", "start": "2026-03-01T08:00Z", "end": "2026-03-02T08:00Z"}
    (tmp_path / "downtimes.json").write_text(json.dumps([down]))
    found = neutral.read(tmp_path)
    assert faults_of(found) == []
    assert found.registry.downtimes[0].end.isoformat() == "2026-03-02T08:00:00+00:00"


@pytest.mark.parametrize(
    ("kinds", "fault"),
    [
        (
            {"resource_groups": [GROUPS[0] | {"support_center": "NorthSc2"}]},
            "resource groups: NU: its support center 'NorthSc2' is not there; did you mean 'NorthSC'?",
        ),
        ({"support_centers": [*CENTERS, *CENTERS]}, "support centers: NorthSC: stands there 2 times"),
        (
            {"support_centers": [{"name": "NorthSC", "kind": "odd"}]},
            "grid.json: NorthSC: kind 'odd' is none of real",
        ),
        (
            {"support_centers": [CENTERS[0] | {"address": "no address"}]},
            "support centers: NorthSC: 'no address' is no address",
        ),
        ({"services": [{"id": 4}]}, "grid.json: services 1: has no name"),
        ({"services": ["CE"]}, "grid.json: services 1: is a text, not a mapping"),
        ({"services": {"CE": 1}}, "grid.json: services: is a mapping, not a list"),
        (
            {"downtimes": [{"resource": "NU-CE", "start": "soon", "end": "2026-01-01"}]},
            "grid.json: NU-CE: start 'soon' is no time",
        ),
        (
            {"virtual_organizations": [{"name": "A", "active": "yes"}]},
            "grid.json: A: active is a text, not true or false",
        ),
    ],
)
def test_a_fault_is_named_by_file_and_entry(tmp_path: Path, kinds: dict[str, Any], fault: str) -> None:
    assert any(one.startswith(fault) for one in faults_of(neutral.read(neutral_file(tmp_path, **kinds))))


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "grid.json"
    path.write_text('{"services": [\n  {"name": "CE",}\n]}')
    (fault,) = neutral.read(path).faults
    assert str(fault).startswith("grid.json: cannot be read: line 2: ")


def test_a_json_nested_without_end_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "grid.json"
    path.write_text("[" * 200_000)
    assert len(neutral.read(path).faults) == 1


def test_two_resources_of_one_host_are_odd_and_no_fault() -> None:
    pair = tuple(Resource(name, "G", fqdn="x.nu.example", contact="a@b.example") for name in ("A1", "B1"))
    assert [str(one) for one in checks.warnings(Registry(resources=pair))] == [
        "resources: A1: x.nu.example is the host of B1 as well"
    ]
    assert checks.faults(Registry(resources=pair)) == ()


def test_a_registry_is_kept_as_it_is() -> None:
    assert from_json(to_json(GRID)) == GRID


def test_differences_say_which_field_of_which_entry() -> None:
    before = Registry(centers=(SupportCenter("A", address="a@x.example"), SupportCenter("B")))
    after = Registry(centers=(SupportCenter("A", address="new@x.example"), SupportCenter("C")))
    assert [str(one) for one in differences(before, after)] == [
        "added support centers: C",
        "removed support centers: B",
        "changed support centers: A (address: a@x.example -> new@x.example)",
    ]


CENTERS_YAML = """\
Self Supported: {ID: 0, Community: Other}
Community Support Center: {ID: 3}
USAURORA:
  LongName: US Aurora
  Contacts:
    Operations Contact (Ticketing): [{ID: c1, Name: NAME}]
OldSC: {LongName: An old center (gone)}
"""
GROUP_YAML = """\
Production: true
SupportCenter: USAURORA
Resources:
  NU-CE:
    Active: false
    FQDN: ce.nu.example
    ContactLists:
      Administrative Contact: {Secondary: {ID: c2}, Primary: {ID: c1}}
    Services: {CE: {Description: Compute}}
    VOOwnership: {AURORA: 100}
"""
DOWNTIME_YAML = """\
- ResourceName: NU-CE
  StartTime: Mar 01, 2026 08:00 +0100
  EndTime: Mar 02, 2026 08:00 +0000
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    site = tmp_path / "topology" / "North University" / "Physics"
    site.mkdir(parents=True)
    (tmp_path / "virtual-organizations").mkdir()
    (tmp_path / "virtual-organizations" / "AURORA.yaml").write_text("LongName: Aurora hunters\n")
    sub = "LongName: Sub\nParentVO: {ID: 1, Name: AURORA}\n"
    (tmp_path / "virtual-organizations" / "AURORA-LIGHT.yaml").write_text(sub)
    (tmp_path / "topology" / "support-centers.yaml").write_text(CENTERS_YAML)
    (tmp_path / "topology" / "services.yaml").write_text("CE: 1\n")
    (site / "NU_Tier2.yaml").write_text(GROUP_YAML)
    (site / "NU_Tier2_downtime.yaml").write_text(DOWNTIME_YAML)
    (site / "SITE.yaml").write_text("LongName: Physics in the north\n")
    return tmp_path


def read(checkout: Path) -> Found:
    return topology.read(checkout, lambda _: None)


def test_a_checkout_of_the_topology_is_read(checkout: Path) -> None:
    found = read(checkout)
    assert faults_of(found) == []
    registry = found.registry
    assert {one.name: one.kind for one in registry.centers} == {
        "Self Supported": CenterKind.SELF,
        "Community Support Center": CenterKind.COMMUNITY,
        "USAURORA": CenterKind.REAL,
        "OldSC": CenterKind.GONE,
    }
    # The center of its name for the US, and a child has that of its parent.
    assert {vo.name: vo.center for vo in registry.vos} == {"AURORA": "USAURORA", "AURORA-LIGHT": "USAURORA"}
    (resource,) = registry.resources
    assert (resource.active, resource.services, resource.owners) == (False, ("CE",), (("AURORA", 100),))
    assert registry.sites[0].long_name == "Physics in the north"
    assert registry.downtimes[0].start.isoformat() == "2026-03-01T07:00:00+00:00"
    assert [str(one) for one in found.warnings] == [
        "contacts.yaml: is not there: no contact or support center has an address"
    ]


def test_contacts_have_addresses_where_their_file_is_there(checkout: Path) -> None:
    people = {"c1": "ann@nu.example", "c2": "abe@nu.example"}
    lines = (f"{one}: {{ContactInformation: {{PrimaryEmail: {at}}}}}\n" for one, at in people.items())
    (checkout / "contacts.yaml").write_text("".join(lines))
    registry = read(checkout).registry
    assert registry.resources[0].admin == ("ann@nu.example", "abe@nu.example")
    assert registry.resources[0].contact == "ann@nu.example"
    assert registry.centers[2].address == "ann@nu.example"


def test_a_broken_yaml_file_is_named_with_its_line(checkout: Path) -> None:
    file = checkout / "topology" / "North University" / "Physics" / "NU_Tier2.yaml"
    file.write_text("Production: true\nResources: [\n")
    (fault,) = read(checkout).faults
    assert fault.file == "topology/North University/Physics/NU_Tier2.yaml"
    assert fault.text.startswith("cannot be read: line 3, column 1")


def test_yaml_that_would_make_objects_is_refused(checkout: Path) -> None:
    file = checkout / "topology" / "services.yaml"
    file.write_text("!!python/object/apply:os.system ['true']\n")
    assert len(read(checkout).faults) == 1


def test_a_link_out_of_the_checkout_is_not_followed(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "OTHER.yaml"
    outside.write_text(GROUP_YAML)
    link = checkout / "topology" / "North University" / "Physics" / "OTHER.yaml"
    link.symlink_to(outside)
    assert [fault.text for fault in read(checkout).faults] == ["is a link that leads out of the folder"]
