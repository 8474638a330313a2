"""Kubernetes manifests (and what has their form: Knative, KServe) and serverless configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlscaffold.light import expression, replace
from mlscaffold.lint.deploy.images import Images
from mlscaffold.lint.deploy.process import Command, Figure, Process, Target
from mlscaffold.lint.deploy.quantity import bytes_of, every_s, seconds_of
from mlscaffold.lint.deploy.start import Around, Starts
from mlscaffold.lint.deploy.yamlfile import Node

_DEFINES = expression(rb"(?m)^kind:[ \t]*[\"']?CustomResourceDefinition\b")
Maps = Mapping[str, Mapping[str, str]]  # ConfigMap -> its values


def is_manifest(content: bytes) -> bool:
    """Whether a YAML file may be a manifest that runs containers or holds their settings."""
    return b"kind:" in content and b"apiVersion:" in content and (b"containers:" in content or b"ConfigMap" in content)


def without_definitions(content: bytes) -> bytes:
    """A file of manifests with as many lines, but without the documents that only define kinds: they run nothing, and have
    thousands of values."""
    if b"CustomResourceDefinition" not in content:
        return content
    parts = content.split(b"\n---")
    return b"\n---".join(b"\n" * part.count(b"\n") if _DEFINES.search(part) else part for part in parts)


def is_serverless(path: str, content: bytes) -> bool:
    """Whether a YAML file configures functions of the Serverless Framework or of AWS SAM."""
    named = path.rpartition("/")[2].startswith("serverless.") and b"functions:" in content
    return named or b"AWS::Serverless::Function" in content


def config_maps(documents: list[Node]) -> Iterator[tuple[str, dict[str, str]]]:
    """The ConfigMaps of a file."""
    for node in documents:
        if node.said("kind") == "ConfigMap" and (data := node.at("data")):
            yield node.said("metadata", "name"), {name: value.text for name, value in data.pairs.items()}


def manifests(path: str, documents: list[Node], maps: Maps, starts: Starts, images: Images) -> Iterator[Process]:
    """The containers of a manifest's pods."""
    for node in documents:
        kind, name = node.said("kind"), node.said("metadata", "name")
        spec = node.at("spec")
        if spec is None:
            continue
        schedule = spec.at("schedule") if kind == "CronJob" else None
        seconds = every_s(schedule.text) if schedule else None
        deadline = spec.at("jobTemplate", "spec", "activeDeadlineSeconds") or spec.at("activeDeadlineSeconds")
        limit = seconds_of(deadline.text) if deadline else None
        replicas = spec.said("replicas")
        for pod in _pods(spec, 0):
            for container in pod:
                around = _around(path, name, container, maps, images)
                around = replace(
                    around,
                    replicas=int(replicas) if replicas.isdecimal() else None,
                    schedule_s=Figure(seconds, path, schedule.line) if schedule and seconds else None,
                    timeout_s=Figure(limit, path, deadline.line) if deadline and limit else None,
                )
                yield from _container(path, container, around, starts, images)


def _pods(node: Node, depth: int) -> Iterator[list[Node]]:
    """The lists of containers, wherever the kind of manifest keeps its pods."""
    if depth > 8:
        return
    found = node.at("containers")
    if found and found.items:
        yield found.items
        return
    for key in ("template", "spec", "jobTemplate", "predictor", "transformer"):
        inner = node.at(key)
        if inner is not None:
            yield from _pods(inner, depth + 1)


def _around(path: str, name: str, container: Node, maps: Maps, images: Images) -> Around:
    image = images.called(container.said("image"), own=True)
    stage = images.stage(image[0]) if image else None
    environment = dict(stage.environment) if stage else {}
    environment.update(_environment(container, maps))
    limit = container.at("resources", "limits", "memory")
    size = bytes_of(limit.text, decimal=True) if limit else None
    port = container.listed("ports")[0].said("containerPort") if container.listed("ports") else ""
    return Around(
        source="kubernetes",
        name=name,
        container=f"{path}:{name}:{container.said('name')}",
        context=image[1] if image else path.rpartition("/")[0],
        folder=container.said("workingDir") or (stage.folder if stage else ""),
        environment=tuple(environment.items()),
        memory=Figure(size, path, limit.line) if limit and size is not None else None,
        port=int(port) if port.isdecimal() else None,
        fetched=stage is None or stage.fetched,
    )


def _container(path: str, container: Node, around: Around, starts: Starts, images: Images) -> Iterator[Process]:
    image = images.called(container.said("image"), own=True)
    stage = images.stage(image[0]) if image else None
    if image:
        images.used.add(image[0])
    command = tuple(item.text for item in container.listed("command"))
    args = tuple(item.text for item in container.listed("args"))
    if not command and stage is not None and stage.entrypoint and isinstance(stage.entrypoint[0], tuple) and args:
        command = stage.entrypoint[0]
    if command or args:
        line = (container.at("command") or container.at("args") or container).line
        yield from starts.processes((*command, *args), path, line, around)
    elif stage is not None and stage.started and image:
        yield from starts.processes(stage.started[0], image[0], stage.started[1], around)


def _environment(container: Node, maps: Maps) -> Iterator[tuple[str, str]]:
    for source in container.listed("envFrom"):
        yield from maps.get(source.said("configMapRef", "name"), {}).items()
    for variable in container.listed("env"):
        key = variable.at("valueFrom", "configMapKeyRef")
        value = maps.get(key.said("name"), {}).get(key.said("key"), "") if key else variable.said("value")
        if value:
            yield variable.said("name"), value


def serverless(path: str, node: Node, starts: Starts) -> Iterator[Process]:
    """The functions of serverless.yml or of a SAM template: each is a container of its own."""
    folder = path.rpartition("/")[0]
    functions = node.at("functions")
    provider = node.at("provider") or Node(0)
    for name, function in (functions.pairs if functions else {}).items():
        yield from _function(path, name, function, provider, ("handler", "memorySize", "timeout"), folder, starts)
    resources = node.at("Resources")
    defaults = node.at("Globals", "Function") or Node(0)
    for name, resource in (resources.pairs if resources else {}).items():
        properties = resource.at("Properties")
        if properties is not None and resource.said("Type") == "AWS::Serverless::Function":
            inner = properties.said("CodeUri").removeprefix("./").strip("/.")
            context = "/".join(part for part in (folder, inner) if part)
            yield from _function(path, name, properties, defaults, ("Handler", "MemorySize", "Timeout"), context, starts)


def _function(
    path: str, name: str, function: Node, defaults: Node, keys: tuple[str, str, str], context: str, starts: Starts
) -> Iterator[Process]:
    handler, memory, timeout = (function.at(key) or defaults.at(key) for key in keys)
    if handler is None or "." not in handler.text:
        return
    file = handler.text.rpartition(".")[0]
    target = Target("script", f"{file}.py" if "/" in file else f"{file.replace('.', '/')}.py")
    size = bytes_of(memory.text, unit="m") if memory else None
    seconds = seconds_of(timeout.text) if timeout else None
    variables = function.at("environment") or function.at("Environment", "Variables") or Node(0)
    around = Around(
        "serverless",
        name,
        f"{path}:{name}",
        context,
        environment=tuple((key, value.text) for key, value in variables.pairs.items()),
        memory=Figure(size, path, memory.line) if memory and size is not None else None,
        timeout_s=Figure(seconds, path, timeout.line) if timeout and seconds is not None else None,
    )
    yield starts.of(Command(handler.text, path, handler.line, "lambda", target), around)
