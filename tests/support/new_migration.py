"""Writes a migration: what lies between the newest migration and the tables in the code.

Read what it wrote before you commit it: the machine cannot tell a rename from a loss.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mailgate.instance import METADATAS
from tracker.storage import migrate
from tracker.storage.database import Database


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'empty.db'}")
        migrate.upgrade(database, METADATAS)
        migrate.revision(database, message, METADATAS)
        database.close()


if __name__ == "__main__":
    main(sys.argv[1])
