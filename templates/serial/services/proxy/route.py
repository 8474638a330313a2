"""The route: `route.yaml` read, checked line by line, and drawn.

Two checks, both at start-up: `read_route` for what the file alone can tell (unknown stages, circles, conditions),
`check_route` for what only the stages' own signatures can tell (tensors, datatypes, shapes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from services.proxy.conditions import Condition, ConditionInvalid
from serving.repository import ModelInvalid
from serving.tensors import Array, Signature, TensorSpec, fits

Signatures = Mapping[str, Signature]  # by stage

REQUEST, END, ERROR = "request", "end", "error"
STAGE_KEYS = frozenset({"model", "url", "budget_ms", "feeds", "next", "on_failure"})


@dataclass(frozen=True, slots=True)
class Branch:
    """Where rows go that meet `when` (all rows, where there is no condition): a stage, or the end."""

    go: str
    line: int
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `feeds` names for each input where it comes from: ("request", input) or (stage, output)."""

    name: str
    line: int
    model: str
    url: str
    budget_ms: float
    feeds: Mapping[str, tuple[str, str]]
    branches: tuple[Branch, ...]
    on_failure: str

    @property
    def targets(self) -> set[str]:
        """Where it may lead once it has answered."""
        return {branch.go for branch in self.branches}

    @property
    def ways(self) -> set[str]:
        """Where it may lead, also where it fails."""
        return self.targets | {self.on_failure}


@dataclass(frozen=True, slots=True)
class Route:
    """The stages in the order of the file; requests begin at the first. `before`: those that have answered by then."""

    path: Path
    stages: Mapping[str, Stage]
    before: Mapping[str, frozenset[str]]

    @property
    def first(self) -> str:
        """The stage that every request meets."""
        return next(iter(self.stages))

    def ends(self) -> list[str]:
        """The stages whose answer may be the whole answer."""
        found = [stage.name for stage in self.stages.values() if any(branch.go == END for branch in stage.branches)]
        for stage in self.stages.values():
            if stage.on_failure == END:
                found += [other.name for other in self.stages.values() if stage.name in other.targets]
        return list(dict.fromkeys(found))


def read_route(path: Path) -> Route:
    """Read the file, and check all that it alone can tell.

    Raises:
        ModelInvalid: what is wrong, with the line.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ModelInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    reader = _Reader(path)
    top = reader.mapping(root, "the file")
    if set(top) != {"stages"}:
        raise reader.wrong(root, f"expected one key, stages; found {', '.join(top) or 'none'}")
    nodes = reader.mapping(top["stages"], "stages")
    following = dict(zip(nodes, [*nodes, END][1:], strict=True))
    stages = {name: reader.stage(name, node, following[name]) for name, node in nodes.items()}
    if not stages:
        raise reader.wrong(top["stages"], "expected at least one stage")
    reader.check_targets(stages)
    route = Route(path, stages, reader.order(stages))
    reader.check_uses(route)
    return route


class _Reader:
    """The file's nodes as values; every complaint names the line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrong(self, node: yaml.Node | int | None, message: str) -> ModelInvalid:
        line = node if isinstance(node, int) else node.start_mark.line + 1 if node else 1
        return ModelInvalid(f"{self._path.name}:{line}: {message}")

    def mapping(self, node: yaml.Node | None, what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, f"{what}: expected names and values")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value in found:
                raise self.wrong(key, f"{what}: {key.value} stands twice")
            found[key.value] = value
        return found

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self.wrong(node, f"{what}: expected one word")
        value: str = node.value
        return value

    def stage(self, name: str, node: yaml.Node, following: str) -> Stage:
        parts = self.mapping(node, f"stage {name}")
        if name in (REQUEST, END, ERROR):
            raise self.wrong(node, f"a stage cannot be called {name}")
        for key, value in parts.items():
            if key not in STAGE_KEYS:
                raise self.wrong(value, f"stage {name}: unknown key {key}; expected {', '.join(sorted(STAGE_KEYS))}")
        missing = sorted({"url", "feeds"} - set(parts))
        if missing:
            raise self.wrong(node, f"stage {name}: {missing[0]} is missing")
        failure, onward = parts.get("on_failure"), parts.get("next")
        line = node.start_mark.line + bool(node.flow_style)  # that of the name, whose values begin beside it or below
        branches = self.branches(onward) if onward else [Branch(following, line)]
        return Stage(
            name=name,
            line=line,
            model=self.text(parts["model"], "model") if "model" in parts else name,
            url=self.text(parts["url"], "url"),
            budget_ms=self.milliseconds(parts.get("budget_ms")),
            feeds={key: self.source(value) for key, value in self.mapping(parts["feeds"], "feeds").items()},
            branches=tuple(branches),
            on_failure=self.text(failure, "on_failure") if failure else ERROR,
        )

    def milliseconds(self, node: yaml.Node | None) -> float:
        if node is None:
            return float("inf")
        try:
            value = float(self.text(node, "budget_ms"))
        except ValueError:
            value = 0.0
        if not value > 0:
            raise self.wrong(node, "budget_ms: expected milliseconds, more than 0")
        return value

    def source(self, node: yaml.Node) -> tuple[str, str]:
        place, dot, name = self.text(node, "feeds").partition(".")
        if not dot or not name:
            raise self.wrong(node, f"feeds: expected request.INPUT or STAGE.OUTPUT, found {place!r}")
        return place, name

    def branches(self, node: yaml.Node) -> list[Branch]:
        if isinstance(node, yaml.ScalarNode):
            return [Branch(self.text(node, "next"), node.start_mark.line + 1)]
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.wrong(node, "next: expected a stage, end, or a list of them with conditions")
        branches = [self.branch(entry) for entry in node.value]
        for branch in branches[:-1]:
            if branch.when is None:
                raise self.wrong(branch.line, "next: what follows an entry without a condition is never reached")
        if branches[-1].when is not None:
            raise self.wrong(node.value[-1], "next: the last entry has no condition, so that every row goes somewhere")
        return branches

    def branch(self, node: yaml.Node) -> Branch:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return Branch(self.text(node, "next"), line)
        parts = self.mapping(node, "next")
        if set(parts) != {"when", "go"}:
            raise self.wrong(node, f"next: expected when and go; found {', '.join(parts)}")
        try:
            return Branch(self.text(parts["go"], "go"), line, Condition(self.text(parts["when"], "when")))
        except ConditionInvalid as error:
            raise self.wrong(parts["when"], f"when: {error}") from error

    def check_targets(self, stages: Mapping[str, Stage]) -> None:
        known = ", ".join(stages)
        for stage in stages.values():
            for branch in stage.branches:
                if branch.go != END and branch.go not in stages:
                    raise self.wrong(branch.line, f"there is no stage {branch.go!r}; there are {known}, and end")
            if stage.on_failure not in (ERROR, END, *stages):
                raise self.wrong(
                    stage.line, f"stage {stage.name}: on_failure: expected error, end or a stage ({known})"
                )
            if stage.on_failure == END and stage.name == next(iter(stages)):
                raise self.wrong(stage.line, f"stage {stage.name}: on_failure: end: nothing has been answered by then")

    def order(self, stages: Mapping[str, Stage]) -> dict[str, frozenset[str]]:
        """For each stage those that have surely answered before it; a circle, or a stage without a way, is an error."""
        first = next(iter(stages))
        before: dict[str, frozenset[str]] = {}
        left = dict(stages)
        while left:
            led_to = {way for other in left.values() for way in other.ways - {other.name}}
            ready = [name for name in left if name not in led_to]
            if not ready:
                raise self.wrong(next(iter(left.values())).line, f"the route goes in a circle: {', '.join(left)}")
            for name in ready:
                stage = left.pop(name)
                if name in stage.ways:
                    raise self.wrong(stage.line, f"stage {name} leads to itself")
                comers = [other for other in stages.values() if name in other.ways]
                if not comers and name != first:
                    raise self.wrong(stage.line, f"no way leads to stage {name}")
                before[name] = _common(name, comers, before)
        return before

    def check_uses(self, route: Route) -> None:
        for stage in route.stages.values():
            for place, _ in stage.feeds.values():
                self.check_place(route, stage, place, after=False, line=stage.line)
            for branch in stage.branches:
                for place, _ in branch.when.uses if branch.when else ():
                    self.check_place(route, stage, place, after=True, line=branch.line)

    def check_place(self, route: Route, stage: Stage, place: str, *, after: bool, line: int) -> None:
        known = {REQUEST, *route.before[stage.name], *([stage.name] if after else [])}
        if place not in known:
            have = ", ".join(sorted(known))
            raise self.wrong(line, f"stage {stage.name}: {place!r} has not surely answered by then; there are {have}")


def _common(name: str, comers: list[Stage], before: Mapping[str, frozenset[str]]) -> frozenset[str]:
    known = [before[one.name] | {one.name} for one in comers if name in one.targets]
    # who comes because it failed has not answered
    known += [before[one.name] for one in comers if one.on_failure == name]
    return frozenset.intersection(*known) if known else frozenset()


def check_route(route: Route, signatures: Signatures, expected: Signature) -> None:
    """Check the route against what its stages take and give, and against what this service promises.

    Raises:
        ModelInvalid: what is wrong, with the line.
    """
    for stage in route.stages.values():
        _check_feeds(route, stage, signatures, expected)
        _check_conditions(route, stage, signatures, expected)
    for name in route.ends():
        for spec in expected.outputs:
            given = signatures[name].output_named.get(spec.name)
            if given is None or given.datatype != spec.datatype or not _compatible(given.shape, spec.shape):
                came = f"{given.datatype} {list(given.shape)}" if given else "nothing of that name"
                raise ModelInvalid(
                    f"{route.path.name}:{route.stages[name].line}: stage {name} may give the answer, which promises "
                    f"{spec.name} {spec.datatype} {list(spec.shape)}; it gives {came}"
                )


def _check_feeds(route: Route, stage: Stage, signatures: Signatures, expected: Signature) -> None:
    where = f"{route.path.name}:{stage.line}: stage {stage.name}"
    takes = signatures[stage.name].input_named
    for name in sorted(set(takes) ^ set(stage.feeds)):
        word = "has no source in feeds" if name in takes else "is fed, but its model has no such input"
        raise ModelInvalid(f"{where}: {name} {word}; its inputs are {', '.join(takes)}")
    for name, (place, tensor) in stage.feeds.items():
        source = _given(place, tensor, signatures, expected)
        if source is None:
            raise ModelInvalid(f"{where}: {name} is fed from {place}.{tensor}, which there is not")
        if source.datatype != takes[name].datatype or not _compatible(source.shape, takes[name].shape):
            raise ModelInvalid(
                f"{where}: {name} is {takes[name].datatype} {list(takes[name].shape)}, and {place}.{tensor} is "
                f"{source.datatype} {list(source.shape)}"
            )


def _check_conditions(route: Route, stage: Stage, signatures: Signatures, expected: Signature) -> None:
    for branch in stage.branches:
        if branch.when is None:
            continue
        values: dict[str, dict[str, Array]] = {}
        for place, tensor in branch.when.uses:
            source = _given(place, tensor, signatures, expected)
            if source is None:
                raise ModelInvalid(f"{route.path.name}:{branch.line}: there is no {place}.{tensor}")
            values.setdefault(place, {})[tensor] = _blank(source, rows=2)
        try:
            branch.when(values, 2)
        except ConditionInvalid as error:
            raise ModelInvalid(f"{route.path.name}:{branch.line}: when: {error}") from error


def _given(place: str, tensor: str, signatures: Signatures, expected: Signature) -> TensorSpec | None:
    if place == REQUEST:
        return expected.input_named.get(tensor)
    return signatures[place].output_named.get(tensor)


def _compatible(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
    free = tuple(-1 if -1 in pair else pair[0] for pair in zip(one, two, strict=False))
    return len(one) == len(two) and fits(free, one) and fits(free, two)


def _blank(spec: TensorSpec, *, rows: int) -> Array:
    shape = (rows, *(1 if size == -1 else size for size in spec.shape[1:]))
    return np.full(shape, "", dtype=object) if spec.datatype == "BYTES" else np.zeros(shape, spec.numpy)


def drawn(route: Route) -> str:
    """The route as a Mermaid flowchart."""
    lines = ["flowchart LR", "  request([request]) --> " + route.first]
    for stage in route.stages.values():
        for branch in stage.branches:
            target = "answer([answer])" if branch.go == END else branch.go
            arrow = f'-->|"{_label(branch.when.text)}"|' if branch.when else "-->"
            lines.append(f"  {stage.name} {arrow} {target}")
        if stage.on_failure != ERROR:
            target = "answer" if stage.on_failure == END else stage.on_failure
            lines.append(f'  {stage.name} -.->|"fails"| {target}')
    return "\n".join(lines)


def _label(text: str) -> str:
    escapes: dict[str, Any] = {'"': "#quot;", "<": "#lt;", ">": "#gt;"}
    return "".join(escapes.get(char, char) for char in text)
