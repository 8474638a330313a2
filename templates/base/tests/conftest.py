"""Fixtures: each test that asks for `service` runs once per service that holds a model."""

from collections.abc import Iterator

import pytest

from tests.support import ModelService, Process, model_services, running


@pytest.fixture(scope="session", params=model_services(), ids=lambda service: service.package)
def service(request: pytest.FixtureRequest) -> ModelService:
    """A service that holds a model."""
    found: ModelService = request.param
    return found


@pytest.fixture(scope="session")
def process(service: ModelService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """That service, running with its own settings."""
    with running(service, tmp_path_factory.mktemp("logs")) as process:
        yield process
