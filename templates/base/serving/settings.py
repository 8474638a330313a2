"""The settings that every service has, read from environment variables with the service's prefix."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServingSettings(BaseSettings):
    """What an operator may change without a new image; a service's own class adds its prefix and its port."""

    model_config = SettingsConfigDict(extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address to listen on; containers set 0.0.0.0.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    models_dir: Path = Field(default=Path("models"), description="The model repository: NAME/VERSION/model.onnx.")

    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1, description="Largest body, as sent and decompressed; beyond it 413."
    )
    deadline_ms: float = Field(
        default=30_000, gt=0, description="Longest time for one request; a caller's own deadline can only shorten it."
    )
    queue_ms: float = Field(
        default=1_000, gt=0, description="Longest wait that an accepted request should have; sets the number of places."
    )
    max_inflight: int | None = Field(
        default=None,
        ge=1,
        description="Places for requests, running and waiting; beyond it 503. Default: from queue_ms.",
    )
    compress_from_bytes: int = Field(
        default=1024, ge=0, description="Smallest answer that is compressed where the caller accepts gzip or deflate."
    )

    engine: Literal["auto", "inline", "pool", "batch"] = Field(
        default="auto", description="How the model runs; auto measures at start-up and chooses."
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads that run the model. Default: the cores that this process may use."
    )
    max_batch: int = Field(default=64, ge=1, description="Most rows in one batch made of several requests.")

    drain_seconds: float = Field(
        default=3.0, ge=0, description="Time between SIGTERM and the end in which work goes on and readiness says no."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    otel: bool = Field(
        default=False, description="FastAPI's own OpenTelemetry export; it needs the OpenTelemetry SDK installed."
    )
    log_requests: bool = Field(default=True, description="One log line per request.")
