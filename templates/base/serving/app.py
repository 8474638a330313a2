"""The application factory: what every service has around its own routes, with a model or without."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse

from serving.errors import install_error_handlers
from serving.intake import Intake
from serving.logs import AccessLog, configure_logging
from serving.metrics import CONTENT_TYPE
from serving.parts import Parts
from serving.repository import ModelInvalid
from serving.route import ServingRoute
from serving.telemetry import Telemetry

LOGGER = logging.getLogger(__name__)

Step = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """A step that has nothing to do."""


def create_app(
    parts: Parts,
    *,
    name: str,
    title: str,
    summary: str,
    version: str,
    identity: Mapping[str, str],
    start: Step = nothing,
    stop: Step = nothing,
) -> FastAPI:
    """The application of one service; its routes are added to it afterwards, the busiest first.

    `start` makes it ready (it runs beside the server, so that probes are answered meanwhile), `stop` ends it.
    `identity` stands in every answer's headers and every log line.
    """
    settings = parts.settings
    configure_logging(name, identity, level=settings.log_level)
    app = FastAPI(
        title=title,
        summary=summary,
        version=version,
        lifespan=_lifespan(parts, start, stop),
        telemetry={"tracing": settings.otel, "metrics": settings.otel, "logs": settings.otel},
    )
    app.router.route_class = ServingRoute
    app.state.parts = parts
    install_error_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(
        Intake,
        routes=app.router.routes,
        admission=parts.admission,
        max_body_bytes=settings.max_body_bytes,
        compress_from_bytes=settings.compress_from_bytes,
    )
    app.add_middleware(
        Telemetry,
        metrics=parts.metrics,
        lifecycle=parts.lifecycle,
        identity=identity,
        access_log=AccessLog(name, identity) if settings.log_requests else None,
        longest_ms=settings.deadline_ms,
    )
    return app


def add_metrics_route(app: FastAPI, parts: Parts) -> None:
    """Add `GET /metrics`."""

    @app.get("/metrics", summary="Prometheus metrics", tags=["Operation"])
    async def metrics() -> Response:
        parts.metrics.ready.set(not parts.lifecycle.not_ready_because)
        return Response(parts.metrics.page(), media_type=CONTENT_TYPE)


def add_page(app: FastAPI, folder: Path) -> None:
    """Serve the folder's files, `index.html` at `/`; nothing where there is no such folder.

    Each file has a route of its own: a mount at `/` would answer 405 for paths that do not exist.
    """
    for file in sorted(folder.rglob("*.*")):
        path = f"/{file.relative_to(folder).as_posix()}"
        app.add_route("/" if path == "/index.html" else path, _file_endpoint(file), include_in_schema=False)


def _file_endpoint(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def send_file(_: Request) -> Response:
        return FileResponse(file)

    return send_file


def _lifespan(
    parts: Parts, start: Step, stop: Step
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_start(parts, start)), asyncio.create_task(parts.admission.watch_loop())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await stop()

    return lifespan


async def _start(parts: Parts, start: Step) -> None:
    try:
        await start()
    except ModelInvalid as error:
        LOGGER.error("not ready: %s", error)
        parts.lifecycle.failed(str(error))
    except Exception:
        LOGGER.exception("not ready")
        parts.lifecycle.failed("starting failed; the log says why")
    else:
        gc.freeze()  # what is loaded now stays: the collector need not walk over it again and again
        parts.lifecycle.started()
        LOGGER.info("ready")
