"""Each mail in `routing/` goes where a person who knows the grid would send it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _pytest.mark.structures import ParameterSet

from routing.registry import Registry
from tests.support.community import Community, communities
from tests.support.routing_corpus import Case, cases, grid_of, is_right, route, settle, wrongly_told

CASES = tuple(cases())
SEAT = Callable[[str], tuple[Community, Registry]]


@pytest.fixture(scope="module")
def seat(tmp_path_factory: pytest.TempPathFactory) -> SEAT:
    """A community for each grid, made when it is first needed."""
    folder = tmp_path_factory.mktemp("routing")
    new = communities(folder / "template")
    made: dict[str, tuple[Community, Registry]] = {}

    def of(grid: str) -> tuple[Community, Registry]:
        if grid not in made:
            registry = grid_of(grid)
            if registry is None:
                pytest.skip("needs ../shared or MAILGATE_SHARED")
            made[grid] = settle(new(folder / grid), registry), registry
        return made[grid]

    return of


def _params() -> list[ParameterSet]:
    """Every mail; what we know that we get wrong must go wrong, or the note about it goes."""
    marks = {case: [pytest.mark.xfail(reason=case.known, strict=True)] for case in CASES if case.known}
    return [pytest.param(case, id=case.file.stem, marks=marks.get(case, [])) for case in CASES]


@pytest.mark.parametrize("case", _params())
def test_a_mail_goes_where_it_should(case: Case, seat: SEAT) -> None:
    community, registry = seat(case.grid)
    found, expected = route(community, case), case.expected(registry)
    assert not wrongly_told(found, expected), f"{case.why}: told {found}"
    assert is_right(found, expected), f"{case.why}: told {found}, should be {expected}"


def test_there_are_enough_of_them_and_few_are_known_to_go_wrong() -> None:
    assert len(CASES) >= 60
    assert len([case for case in CASES if case.known]) <= len(CASES) * 0.05
