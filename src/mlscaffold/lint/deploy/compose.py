"""Compose files: services with their image, command, environment, memory limit and replicas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from mlscaffold.light import expression
from mlscaffold.lint.deploy.command import expanded
from mlscaffold.lint.deploy.images import Images
from mlscaffold.lint.deploy.process import Figure, Process
from mlscaffold.lint.deploy.quantity import bytes_of
from mlscaffold.lint.deploy.start import Around, Started, Starts
from mlscaffold.lint.deploy.yamlfile import Node

_NAME = expression(r"(^|/)[^/]*compose[^/]*\.ya?ml$", re.IGNORECASE)
_LINE = expression(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


def is_compose(path: str, content: bytes) -> bool:
    """Whether a file is a compose file, by its name or by what it says."""
    if b"services:" not in content or "/.github/" in f"/{path}":
        return False
    return bool(_NAME.search(path)) or (b"image:" in content and b"\nversion:" in b"\n" + content[:200])


def compose(path: str, node: Node, base: Node | None, starts: Starts, images: Images) -> Iterator[Process]:
    """The processes of the services. `base` is the file that this one changes, where it does."""
    folder = path.rpartition("/")[0]
    dotenv = dict(env_file(f"{folder}/.env" if folder else ".env", starts.read))
    services = node.at("services")
    for name, service in (services.pairs if services else {}).items():
        whole = _whole(service, name, node, base)
        started, line, image = _started(folder, whole, images, dotenv)
        environment = dict(image.environment) if image else {}
        environment.update(_environment(folder, whole, starts.read, dotenv))
        around = Around(
            source="compose",
            name=name,
            container=f"{path}:{name}",
            context=image.context if image else folder,
            folder=whole.said("working_dir") or (image.folder if image else ""),
            environment=tuple(environment.items()),
            memory=_memory(path, whole, dotenv),
            replicas=_replicas(whole),
            port=_port(whole, dotenv),
            fetched=image is None or image.fetched,
        )
        if started is None:
            continue
        where = path if image is None or line[1] else image.path
        yield from starts.processes(started, where, line[0], around)


def env_file(path: str, read: Callable[[str], bytes | None]) -> Iterator[tuple[str, str]]:
    """The assignments of a `.env` file."""
    for line in (read(path) or b"").decode("utf-8-sig", errors="replace").splitlines():
        if (found := _LINE.match(line)) and not line.lstrip().startswith("#"):
            yield found[1], found[2].strip("\"'")


class _Image:
    """What the image of a service brings: from its Dockerfile."""

    def __init__(self, images: Images, path: str, context: str, target: str) -> None:
        stage = images.stage(path, target)
        self.path = path
        self.context = context
        self.environment = stage.environment if stage else {}
        self.folder = stage.folder if stage else ""
        self.fetched = stage.fetched if stage else True
        self.started = stage.started if stage else None
        self.entrypoint = stage.entrypoint if stage else None


def _started(
    folder: str, service: Node, images: Images, dotenv: Mapping[str, str]
) -> tuple[Started | None, tuple[int, bool], _Image | None]:
    """What it starts, with the line (and whether that is one of the compose file), and its image."""
    image = _image(folder, service, images, dotenv)
    command, entrypoint = service.at("command"), service.at("entrypoint")
    said = _form(command, dotenv) if command else None
    first = _form(entrypoint, dotenv) if entrypoint else None
    if said is None and first is None:
        if image is None or image.started is None:
            return None, (service.line, True), image
        return image.started[0], (image.started[1], False), image
    if first is None and image is not None and image.entrypoint is not None and not isinstance(image.entrypoint[0], str):
        first = image.entrypoint[0]
    line = (command or entrypoint or service).line
    if first is None or said is None:
        return said or first, (line, True), image
    if isinstance(first, str) or isinstance(said, str):
        return " ".join(part if isinstance(part, str) else " ".join(part) for part in (first, said)), (line, True), image
    return (*first, *said), (line, True), image


def _image(folder: str, service: Node, images: Images, dotenv: Mapping[str, str]) -> _Image | None:
    build = service.at("build")
    name = expanded(service.said("image"), dotenv)
    if build is not None:
        context, file = (build.said("context"), build.said("dockerfile")) if build.pairs else (build.text, "")
        found = images.built(folder, expanded(context, dotenv), file)
        if found and name:
            images.name(name, *found)
    else:
        found = images.called(name, own="/" in name) if name else None
    if found is None:
        return None
    images.used.add(found[0])
    return _Image(images, *found, build.said("target") if build else "")


def _form(node: Node, dotenv: Mapping[str, str]) -> Started | None:
    if node.items:
        return tuple(expanded(item.text.replace("$$", "$"), dotenv) for item in node.items)
    return expanded(node.text.replace("$$", "$"), dotenv) or None


def _environment(
    folder: str, service: Node, read: Callable[[str], bytes | None], dotenv: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    build = service.at("build", "args")
    if build is not None:
        yield from _pairs(build, dotenv)
    files = service.at("env_file")
    for item in (files.items or [files]) if files else []:
        name = (item.text or item.said("path")).removeprefix("./")
        yield from env_file(f"{folder}/{name}" if folder else name, read)
    said = service.at("environment")
    if said is not None:
        yield from _pairs(said, dotenv)


def _pairs(node: Node, dotenv: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in node.pairs.items():
        yield name, expanded(value.text, dotenv)
    for item in node.items:
        name, equals, text = item.text.partition("=")
        if equals:
            yield name, expanded(text, dotenv)


def _memory(path: str, service: Node, dotenv: Mapping[str, str]) -> Figure | None:
    node = service.at("deploy", "resources", "limits", "memory") or service.at("mem_limit")
    size = bytes_of(expanded(node.text, dotenv)) if node else None
    return Figure(size, path, node.line) if node and size is not None else None


def _replicas(service: Node) -> int | None:
    text = service.said("deploy", "replicas") or service.said("scale")
    return int(text) if text.isdecimal() else None


def _port(service: Node, dotenv: Mapping[str, str]) -> int | None:
    for item in service.listed("ports"):
        text = item.said("target") or expanded(item.text, dotenv).rpartition(":")[2].partition("/")[0]
        if text.isdecimal():
            return int(text)
    return None


def _whole(service: Node, name: str, node: Node, base: Node | None) -> Node:
    """The service with what it extends, and with what the file says that this one changes."""
    parents = []
    extended = service.said("extends", "service") or service.said("extends")
    if extended and extended != name and not service.said("extends", "file"):
        parents.append(node.at("services", extended))
    if base is not None and not {"image", "build"} & set(service.pairs):
        parents.append(base.at("services", name))
    whole = Node(service.line, pairs=dict(service.pairs))
    for parent in parents:
        for key, value in (parent.pairs if parent else {}).items():
            whole.pairs.setdefault(key, value)
    return whole
