"""README.md tells the truth: no trap without its row, no row without its test, no test without its row."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
ROWS = [line for line in (FOLDER / "README.md").read_text("utf-8").splitlines() if line.startswith("| ")]
NUMBERED = {"A": 18, "B": 17, "C": 7, "D": 9, "Roundup ": 10, "Mailman ": 8, "Help desks ": 7}
DEFINED = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
NAMED = re.compile(r"`(?:([\w/]+\.py)::)?(test_\w+)`")


def defined_in(path: Path) -> set[str]:
    return set(DEFINED.findall(path.read_text("utf-8")))


def here() -> set[str]:
    return {test for path in FOLDER.glob("test_*.py") if path != Path(__file__) for test in defined_in(path)}


def test_every_trap_has_its_row() -> None:
    first = [row.removeprefix("| ") for row in ROWS]
    wanted = [f"{section}{n} " for section, most in NUMBERED.items() for n in range(1, most + 1)]
    assert [number for number in wanted if sum(row.startswith(number) for row in first) != 1] == []


def test_every_test_that_is_named_is_there_and_every_one_here_is_named() -> None:
    named = [found for row in ROWS for found in NAMED.findall(row)]
    missing = [
        f"{file}::{test}"
        for file, test in named
        if test not in (defined_in(TESTS / file) if file else here())
    ]
    assert missing == []
    assert here() <= {test for _, test in named}
