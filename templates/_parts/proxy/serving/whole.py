"""Several services that look like one model: what every proxy has, whatever it does between them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from fastapi import FastAPI

from serving.parts import Parts
from serving.remote import Remote, Target, states
from serving.remote_metrics import RemoteMetrics
from serving.tensors import Signature


class Whole:
    """The name, version and signature of the whole, and its services by their names."""

    def __init__(self, name: str, version: str, signature: Signature, targets: Iterable[Target], parts: Parts) -> None:
        self.name = name
        self.version = version
        self.signature = signature
        metrics = RemoteMetrics(parts.metrics.registry)
        self.remotes = {target.stage: Remote(target, metrics) for target in targets}

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(remote.close() for remote in self.remotes.values()))


def target(stage: str, model: str, url: str, urls: Mapping[str, str], *, budget_ms: float = float("inf")) -> Target:
    """Where a service is: at `url`, unless the settings' `urls` name it; addresses of several replicas with commas."""
    addresses = tuple(address.strip().rstrip("/") for address in urls.get(stage, url).split(","))
    return Target(stage, model, addresses, budget_ms)


def add_stages_route(app: FastAPI, remotes: Sequence[Remote]) -> None:
    """Add the health of each service behind this one."""

    @app.get("/stages", summary="How each service behind this one is", tags=["Health"])
    async def stages() -> dict[str, dict[str, str]]:
        return await states(remotes)
