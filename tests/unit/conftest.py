"""A community for tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.community import Community, communities


@pytest.fixture(scope="session")
def instance_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "home"


@pytest.fixture(scope="session")
def _settled(instance_template: Path) -> object:
    return communities(instance_template)


@pytest.fixture
def community(_settled: object, tmp_path: Path) -> Iterator[Community]:
    """A fresh instance with one list and the shipped rules."""
    assert callable(_settled)
    made = _settled(tmp_path / "home")
    yield made
    made.app.close()
