"""What was prepared outside the repository, for tests and benches that use it where it is."""

from __future__ import annotations

import os
from pathlib import Path


def shared_folder() -> Path:
    """MAILGATE_SHARED, or the folder `shared` beside the repository; it need not be there."""
    return Path(os.environ.get("MAILGATE_SHARED") or Path(__file__).parents[3] / "shared")
