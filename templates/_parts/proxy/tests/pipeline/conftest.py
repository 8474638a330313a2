"""Fixtures: every stage as a process, started once; a test that harms one starts its own."""

from collections.abc import Iterator

import pytest

from tests.pipeline.stages import stages
from tests.support import Process


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Process]]:
    """Every model service, by its model's name."""
    with stages(tmp_path_factory.mktemp("stages")) as running:
        yield running
