"""Deploy files -> the processes that they start: Dockerfiles, compose files, manifests, Procfiles, scripts, supervisors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mlscaffold.light import expression
from mlscaffold.lint.deploy import compose as composed
from mlscaffold.lint.deploy import manifests as manifested
from mlscaffold.lint.deploy import plain
from mlscaffold.lint.deploy.images import Images
from mlscaffold.lint.deploy.process import Deployment, Process
from mlscaffold.lint.deploy.start import Around, Starts
from mlscaffold.lint.deploy.yamlfile import Node, UnreadableYaml, documents
from mlscaffold.lint.finding import SkippedFile

Read = Callable[[str], bytes | None]

_NOT_DEPLOYED = expression(r"(^|/)(\.github|\.circleci|node_modules|tests?|testing|docs?)/")


def deployment(python: Iterable[str], config: Iterable[str], read: Read) -> Deployment:
    """What the deploy files of a repository start; `read` gives a file's bytes, or None."""
    return _Reader(tuple(python), tuple(path for path in config if not _NOT_DEPLOYED.search(path)), read).whole()


class _Reader:
    def __init__(self, python: tuple[str, ...], config: tuple[str, ...], read: Read) -> None:
        self._config = config
        self._read = read
        self._starts = Starts(python, config, read)
        self._images = Images(config, read)
        self._skipped: list[SkippedFile] = []

    def whole(self) -> Deployment:
        """Compose files and manifests first: they say which images run, with which settings."""
        found = [*self._from_yaml(), *self._from_images(), *self._from_lines(), *self._from_scripts()]
        once = {(process.container, process.command.path, process.command.line, process.entries): process for process in found}
        ordered = sorted(once.values(), key=lambda process: (process.command.path, process.command.line, process.container))
        return Deployment(tuple(ordered), tuple(self._skipped))

    def _from_yaml(self) -> Iterator[Process]:
        composes: dict[str, Node] = {}
        others: list[tuple[str, list[Node]]] = []
        functions: list[tuple[str, Node]] = []
        maps: dict[str, dict[str, str]] = {}
        for path in self._config:
            if not path.endswith((".yaml", ".yml")):
                continue
            content = self._read(path) or b""
            if composed.is_compose(path, content):
                composes.update((path, node) for node in self._documents(path, content)[:1])
            elif manifested.is_manifest(content):
                others.append((path, self._documents(path, manifested.without_definitions(content))))
                maps.update(manifested.config_maps(others[-1][1]))
            elif manifested.is_serverless(path, content):
                functions += [(path, node) for node in self._documents(path, content)[:1]]
        for path, node in composes.items():
            yield from composed.compose(path, node, _base(path, composes), self._starts, self._images)
        for path, nodes in others:
            yield from manifested.manifests(path, nodes, maps, self._starts, self._images)
        for path, node in functions:
            yield from manifested.serverless(path, node, self._starts)

    def _documents(self, path: str, content: bytes) -> list[Node]:
        try:
            return documents(content)
        except UnreadableYaml as error:
            self._skipped.append(SkippedFile(path, f"deploy file {error}"))
            return []

    def _from_images(self) -> Iterator[Process]:
        for path in self._images.paths:
            stage = self._images.stage(path)
            if path in self._images.used or stage is None or stage.started is None:
                continue
            around = Around(
                source="dockerfile",
                name=path.rpartition("/")[0].rpartition("/")[2],
                container=path,
                context=path.rpartition("/")[0],
                folder=stage.folder,
                environment=tuple(stage.environment.items()),
                port=stage.port,
                fetched=stage.fetched,
            )
            yield from self._starts.processes(stage.started[0], path, stage.started[1], around)

    def _from_lines(self) -> Iterator[Process]:
        for path in self._config:
            name = path.rpartition("/")[2].lower()
            if name.startswith("procfile"):
                yield from plain.procfile(path, self._text(path), self._starts)
            elif name in ("bentofile.yaml", "bentofile.yml"):
                yield from plain.bentofile(path, self._text(path), self._starts)
            elif name.endswith(".service"):
                yield from plain.systemd(path, self._text(path), self._starts)
            elif name.endswith((".conf", ".ini")) and "[program:" in self._text(path):
                yield from plain.supervisor(path, self._text(path), self._starts)

    def _from_scripts(self) -> Iterator[Process]:
        for path in self._config:
            if path.endswith(".sh") and path not in self._starts.followed:
                around = Around("shell", path.rpartition("/")[2], path, path.rpartition("/")[0], fetched=True)
                yield from self._starts.script(path, around)

    def _text(self, path: str) -> str:
        return (self._read(path) or b"").decode("utf-8-sig", errors="replace")


def _base(path: str, composes: dict[str, Node]) -> Node | None:
    """The compose file of the same folder that this one changes."""
    folder = path.rpartition("/")[0]
    for name in ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml"):
        other = f"{folder}/{name}" if folder else name
        if other != path and other in composes:
            return composes[other]
    return None
