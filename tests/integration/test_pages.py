"""What the pages of docs/ show is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.transcripts import agrees, run, steps

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```console" in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    for step in steps(page):
        printed = run(step, tmp_path)
        assert agrees(step, printed), f"$ {step.command}\n{printed}"


def test_there_is_such_a_page() -> None:
    assert "routing-rules" in [page.stem for page in PAGES]
