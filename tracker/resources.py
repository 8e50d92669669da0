"""Where the files live that ship beside the code: templates, migrations, default configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

_PACKAGE: Final = Path(__file__).resolve().parent


def resource_dir(name: Literal["templates", "migrations", "config"]) -> Path:
    """The packaged copy, or in a checkout the folder beside the packages."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
