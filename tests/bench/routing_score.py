"""Routes against those a person would give: `python -m tests.bench.routing_score [FOLDER]`.

The mails of tests/corpus/routing, or of a folder of such, are asked about one by one. Ends with 1 when under
95 % are right, or anybody is told who should not be.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from routing.registry import Registry
from tests.support.community import Community, communities
from tests.support.routing_corpus import FOLDER, Case, cases, grid_of, is_right, route, settle, wrongly_told

_BAR = 0.95


def main() -> int:
    chosen = list(cases(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
    with tempfile.TemporaryDirectory() as folder:
        new = communities(Path(folder) / "template")
        seats: dict[str, tuple[Community, Registry]] = {}
        asked = right = wrong = 0
        for case in chosen:
            registry = grid_of(case.grid)
            if registry is None:
                continue
            if case.grid not in seats:
                seats[case.grid] = settle(new(Path(folder) / case.grid), registry), registry
            asked += 1
            score = _ask(case, *seats[case.grid])
            right += score[0]
            wrong += score[1]
    print(f"{right} of {asked} right, {100 * right / max(asked, 1):.1f} %; {wrong} told someone wrongly")
    if asked < len(chosen):
        print(f"{len(chosen) - asked} not asked: they need ../shared or MAILGATE_SHARED")
    return 0 if right >= _BAR * asked and not wrong else 1


def _ask(case: Case, community: Community, registry: Registry) -> tuple[bool, bool]:
    """Whether a mail goes right, and whether somebody hears of it who should not."""
    found, expected = route(community, case), case.expected(registry)
    right, wrong = is_right(found, expected), bool(wrongly_told(found, expected))
    if not right:
        print(f"{case.file.stem}: to {found}\n  should be {expected}: {case.why}")
    return right, wrong


if __name__ == "__main__":
    sys.exit(main())
