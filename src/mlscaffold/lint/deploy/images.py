"""The images that a repository builds, found by their Dockerfile, by the name that is given to them, or by their folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

from mlscaffold.light import expression
from mlscaffold.lint.deploy.dockerfile import Stage, stages

_NAME = expression(r"(^|/)(Dockerfile|Containerfile)[^/]*$|\.dockerfile$", re.IGNORECASE)
_SOMEBODY_ELSES = expression(
    r"postgres|mysql|mariadb|mongo|redis|valkey|rabbitmq|kafka|zookeeper|nginx|traefik|envoy|haproxy|busybox|alpine|prom|grafana|"
    r"elastic|kibana|minio|mlflow|airflow|flower|adminer|jaeger|otel|triton|tensorflow-serving|torchserve|vllm|ollama|qdrant|milvus"
)


class Images:
    """The Dockerfiles of a repository."""

    def __init__(self, config: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self.paths = tuple(path for path in sorted(config) if _NAME.search(path) and not path.endswith((".dockerignore", ".md")))
        self.used: set[str] = set()  # those that a compose file or a manifest runs
        self._read = read
        self._stages: dict[str, list[Stage]] = {}
        self._named: dict[str, tuple[str, str]] = {}

    def name(self, image: str, path: str, context: str) -> None:
        """Remember what an image is called."""
        self._named.setdefault(_short(image), (path, context))

    def stage(self, path: str, target: str = "") -> Stage | None:
        """A stage of a Dockerfile: the named one, else the last."""
        if path not in self._stages:
            self._stages[path] = stages(self._read(path) or b"")
        found = self._stages[path]
        return next((stage for stage in found if target and stage.name == target), found[-1] if found else None)

    def built(self, folder: str, context: str, dockerfile: str) -> tuple[str, str] | None:
        """(Dockerfile, context) of a `build:` in a file of that folder."""
        root = _normal(posixpath.join(folder, context or "."))
        wanted = _normal(posixpath.join(root, dockerfile or "Dockerfile"))
        return (wanted, root) if wanted in self.paths else None

    def called(self, image: str, *, own: bool = False) -> tuple[str, str] | None:
        """(Dockerfile, context) of an image by its name; `own`: the one that the repository builds, whatever it is called."""
        short = _short(image)
        if short in self._named:
            return self._named[short]
        found = [path for path in self.paths if short and _bare(path.rpartition("/")[0].rpartition("/")[2]) == _bare(short)]
        if not found and own and len(self.paths) == 1 and not _SOMEBODY_ELSES.search(short):
            found = [self.paths[0]]
        return (found[0], found[0].rpartition("/")[0]) if len(found) == 1 else None


def _short(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _normal(path: str) -> str:
    """A path relative to the root; one that leaves it means nothing here."""
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal
