"""A service for the tests, with both doors and a model as slow as its input says: `python -m tests.slow_service`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from serving.app import add_metrics_route, create_app
from serving.grpc_door import GrpcDoor
from serving.model import ServedModel
from serving.parts import Parts
from serving.run import run
from serving.settings import ServingSettings
from serving.v2 import add_v2_routes
from tests.support import Process

NAME = "slow"
FOR_MINUTES = 100_000_000


class Settings(ServingSettings):
    """One thread, so that a model that still runs would hold up the next call."""

    model_config = SettingsConfigDict(env_prefix="SLOW_SERVICE_", extra="ignore")

    models_dir: Path = Path(__file__).parent / "slow"
    threads: int | None = 1
    engine: str = "pool"  # type: ignore[assignment]
    grpc_port: int = Field(default=0)


class SlowProcess(Process):
    """The service as a process."""

    module = "tests.{}"

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__("slow_service", folder / "slow.log", settings)

    @property
    def grpc(self) -> str:
        """The address of its gRPC door."""
        return grpc_address(self)


def grpc_address(process: Process) -> str:
    """Where a process listens for gRPC, which it has logged."""
    port = next(line["grpc_port"] for line in process.log_lines if "grpc_port" in line)
    return f"127.0.0.1:{port}"


@contextlib.contextmanager
def slow_service(folder: Path, **settings: object) -> Iterator[SlowProcess]:
    """The service, ready."""
    process = SlowProcess(folder, **settings)
    try:
        process.wait_until(lambda: process.status("/v2/health/ready") == 200, "ready")
        yield process
    finally:
        process.stop()


def create() -> FastAPI:
    """The application."""
    settings = Settings()
    parts = Parts.of(settings)
    model = ServedModel(NAME, parts)
    door = GrpcDoor(model, parts, name=NAME, version="0", port=settings.grpc_port)
    app = create_app(
        parts,
        name=NAME,
        title="Slow",
        summary="As slow as it is told to be",
        version="0",
        identity=model.card.identity,
        start=door.open,
        stop=door.close,
    )
    add_v2_routes(app, parts, [model])
    add_metrics_route(app, parts)
    return app


if __name__ == "__main__":
    run(create())
