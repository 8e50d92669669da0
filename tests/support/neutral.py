"""A small registry as neutral JSON, for tests that read one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GROUPS = [
    {
        "name": "NU",
        "site": "Physics",
        "facility": "North University",
        "support_center": "NorthSC",
        "resources": [
            {"name": "NU-CE", "fqdn": "CE.NU.example", "active": True, "contact": "a@nu.example",
             "vo_ownership": {"AURORA": 60}},
        ],
    }
]  # fmt: skip
CENTERS = [{"name": "NorthSC", "kind": "real", "address": "north@centers.example"}]


def neutral_file(folder: Path, **kinds: Any) -> Path:
    """Write it, with other entries for some kinds."""
    path = folder / "grid.json"
    path.write_text(json.dumps({"resource_groups": GROUPS, "support_centers": CENTERS} | kinds))
    return path
