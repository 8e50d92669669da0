"""A small grid of our own, with one of everything that routing tells apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from routing.registry import (
    CenterKind,
    Component,
    Downtime,
    Facility,
    Registry,
    Resource,
    ResourceGroup,
    Service,
    Site,
    SupportCenter,
    VirtualOrganization,
)

GRID: Final = Registry(
    centers=(
        SupportCenter("NorthSC", address="north@centers.example", aliases=("North Support Center",)),
        SupportCenter("SouthSC", address="south@centers.example"),
        SupportCenter("MuteSC"),
        SupportCenter("Community Support Center", CenterKind.COMMUNITY),
        SupportCenter("Self Supported", CenterKind.SELF),
    ),
    vos=(
        VirtualOrganization("AURORA", "Aurora hunters", center="NorthSC", security=("sec@aurora.example",)),
        VirtualOrganization("Swan", "Swan collaboration", center="SouthSC", word=True),
        VirtualOrganization("GALE", "Gale modelling"),
    ),
    facilities=(Facility("North University"), Facility("South Laboratory"), Facility("Small College")),
    sites=(
        Site("NU_Physics", "North University"),
        Site("SouthLab", "South Laboratory"),
        Site("Small College", "Small College"),
    ),
    groups=(
        ResourceGroup("NU_Tier2", "NU_Physics", "North University", center="NorthSC"),
        ResourceGroup("SLAB", "SouthLab", "South Laboratory", center="SouthSC"),
        ResourceGroup("SMALLC", "Small College", "Small College", center="Self Supported"),
        ResourceGroup("OPENC", "Small College", "Small College", center="Community Support Center"),
        ResourceGroup("MUTE", "Small College", "Small College", center="MuteSC"),
    ),
    resources=(
        Resource(
            "NU-CE1",
            "NU_Tier2",
            fqdn="ce1.nu.example",
            fqdn_aliases=("gate.nu.example",),
            services=("CE",),
            owners=(("AURORA", 100),),
            contact="ann.admin@nu.example",
            admin=("ann.admin@nu.example", "abe@nu.example"),
            security=("sec@nu.example",),
        ),
        Resource("NU-SE1", "NU_Tier2", fqdn="se1.nu.example", services=("SE",), contact="abe@nu.example"),
        Resource("SLAB-CE", "SLAB", fqdn="ce.slab.example", services=("CE",), contact="sid@slab.example"),
        Resource(
            "SMALLC-CE", "SMALLC", fqdn="osg.smallc.example", services=("CE",), contact="cy@smallc.example"
        ),
        Resource("SMALLC-OLD", "SMALLC", fqdn="old.smallc.example", active=False),
        Resource("OPENC-CE", "OPENC", fqdn="ce.openc.example", services=("CE",), contact="ola@openc.example"),
        Resource("MUTE-CE", "MUTE", fqdn="ce.mute.example", services=("CE",), contact="mia@mute.example"),
    ),
    services=(Service("CE"), Service("SE")),
    components=(Component("Pilotkit", center="SouthSC", aliases=("pilot kit",)),),
    downtimes=(
        Downtime(
            "NU-SE1",
            datetime(2026, 3, 1, 8, tzinfo=UTC),
            datetime(2026, 3, 3, 8, tzinfo=UTC),
            severity="Outage",
            klass="SCHEDULED",
            description="new disks",
        ),
    ),
)

# The same without what `registry check` finds in it: the group of a center that cannot be mailed.
WHOLE: Final = replace(
    GRID,
    groups=tuple(group for group in GRID.groups if group.name != "MUTE"),
    resources=tuple(one for one in GRID.resources if one.group != "MUTE"),
)
