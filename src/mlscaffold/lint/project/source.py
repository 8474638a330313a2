"""The parsed files of a repository, read when they are first asked for, with the look-ups that every question needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from mlscaffold.light import expression
from mlscaffold.lint.facts import Block, ClassFacts, FileFacts, FunctionFacts, Import, Step
from mlscaffold.lint.syntax import Attribute, Call, Collection, Constant, Expr, Name, Subscript, walk

_WORD = expression(r"[^\W\d]\w*")
_NAMES = expression(r"[\w.,:;|/-]{1,200}")  # `a`, `a.b:c`, `a,b`: a text of these may name something

_STREAMS = ("StreamingResponse", "EventSourceResponse", "StreamingHttpResponse")

Assignment = tuple[int, Step, Expr]  # the function it stands in, the step, the target


class Module:
    """One file with indexes over its facts."""

    def __init__(self, path: str, facts: FileFacts) -> None:
        self.path = path
        self.facts = facts
        self._locals: dict[int, dict[str, list[Step]]] = {}
        self._streamed: dict[int, frozenset[str]] = {}

    def function(self, index: int) -> FunctionFacts:
        return self.facts.functions[index]

    def block(self, function: int, index: int) -> Block:
        return self.facts.functions[function].blocks[index]

    def locals_of(self, index: int) -> dict[str, list[Step]]:
        """The names that a function binds, each with its steps; names it shares with an outer scope are not its own."""
        if index not in self._locals:
            found: dict[str, list[Step]] = {}
            function = self.facts.functions[index]
            for step in function.steps:
                for name in _bound_names(step.target):
                    if name not in function.shared:
                        found.setdefault(name, []).append(step)
            self._locals[index] = found
        return self._locals[index]

    def streamed(self, index: int) -> frozenset[str]:
        """The names that a function gives to responses which stream: `parts = generated(text)`, `StreamingResponse(parts)`."""
        if index not in self._streamed:
            calls = (part for step in self.facts.functions[index].steps for part in walk(step.value) if isinstance(part, Call))
            given = (part for call in calls if last_name(call.function).endswith(_STREAMS) for part in call.arguments)
            self._streamed[index] = frozenset(part.id for part in given if isinstance(part, Name))
        return self._streamed[index]

    @cached_property
    def shared(self) -> dict[str, list[tuple[int, Step]]]:
        """Names of the module that functions assign through `global`, with where."""
        found: dict[str, list[tuple[int, Step]]] = {}
        for index, function in enumerate(self.facts.functions):
            for step in function.steps if function.shared else ():
                for name in _bound_names(step.target):
                    if name in function.shared:
                        found.setdefault(name, []).append((index, step))
        return found

    @cached_property
    def nested(self) -> dict[int, dict[str, int]]:
        """Function -> name -> the function defined in it (the last of a name wins)."""
        found: dict[int, dict[str, int]] = {}
        bodies = {known.body for known in self.facts.classes}
        for index, function in enumerate(self.facts.functions):
            if index and index not in bodies and function.name != "<lambda>":
                found.setdefault(function.parent, {})[function.name] = index
        return found

    @cached_property
    def classes_in(self) -> dict[int, dict[str, int]]:
        """Function -> name -> the class defined in it."""
        found: dict[int, dict[str, int]] = {}
        for index, known in enumerate(self.facts.classes):
            found.setdefault(known.parent, {})[known.name] = index
        return found

    @cached_property
    def imports_in(self) -> dict[int, dict[str, Import]]:
        """Function -> bound name -> the import."""
        found: dict[int, dict[str, Import]] = {}
        for known in self.facts.imports:
            if known.name != "*":
                bound = known.alias or known.name or known.module.partition(".")[0]
                found.setdefault(known.function, {}).setdefault(bound, known)
        return found

    @cached_property
    def stars(self) -> tuple[Import, ...]:
        return tuple(known for known in self.facts.imports if known.name == "*")

    @cached_property
    def attributes(self) -> dict[str, list[Assignment]]:
        """Attribute name -> the assignments to it, on whatever object."""
        found: dict[str, list[Assignment]] = {}
        for index, function in enumerate(self.facts.functions):
            for step in function.steps:
                for target in _parts_of(step.target):
                    if isinstance(target, Attribute):
                        found.setdefault(target.name, []).append((index, step, target))
        return found

    @cached_property
    def entries(self) -> dict[str, list[Assignment]]:
        """Name of a mapping (its last part) -> assignments to its entries: `models["a"] = …`, and `.append`, `.update`."""
        found: dict[str, list[Assignment]] = {}
        for index, function in enumerate(self.facts.functions):
            for step in function.steps:
                for target in _parts_of(step.target):
                    if isinstance(target, Subscript):
                        found.setdefault(last_name(target.base), []).append((index, step, target))
                if step.kind == "expr" and isinstance(step.value, Call) and _grows(step.value):
                    base = step.value.function
                    if isinstance(base, Attribute):
                        found.setdefault(last_name(base.base), []).append((index, step, base))
        return found

    @cached_property
    def packages(self) -> frozenset[str]:
        """The first part of every absolute import."""
        return frozenset(known.module.partition(".")[0] for known in self.facts.imports if not known.level)

    @property
    def renamed(self) -> set[str]:
        """What goes under another name here, whoever imported it first, and packages whose names are all taken over."""
        imports = self.facts.imports
        tops = ((known, known.module.partition(".")[0]) for known in imports if not known.level)
        found = {top for known, top in tops if known.name == "*" or known.alias not in ("", top, known.name)}
        return found.union(known.name for known in imports if known.alias not in ("", known.name))

    def words(self) -> set[str]:
        """Every name, attribute and text in the file that may name something; `a.` where `a` is handed on as it is.

        Not kept: it is large.
        """
        found: set[str] = set()
        bare: dict[str, int] = {}
        for known in self.facts.imports:
            last = known.module.rpartition(".")[2]
            found.update((known.name, last, f"{last}.{known.name}") if known.name else (last,))
        for part in self._expressions():
            for inner in walk(part):
                if isinstance(inner, Attribute):
                    base = last_name(inner.base)
                    found.update((inner.name, f"{base}.{inner.name}"))
                    bare[base] = bare.get(base, 0) - isinstance(inner.base, Name)
                elif isinstance(inner, Name):
                    found.add(inner.id)
                    bare[inner.id] = bare.get(inner.id, 0) + 1
                else:
                    found.update(_named_by(inner))
        return found.union(f"{name}." for name, count in bare.items() if count)

    def named(self) -> set[str]:
        """Every word of the texts that may name something."""
        return {word for part in self._expressions() for inner in walk(part) for word in _named_by(inner)}

    def _expressions(self) -> Iterator[Expr]:
        for known in self.facts.classes:
            yield from (*known.bases, *known.decorators)
        for function in self.facts.functions:
            yield from function.decorators
            for parameter in function.parameters:
                yield from (part for part in (parameter.default, parameter.annotation) if part is not None)
            for step in function.steps:
                yield from (part for part in (step.value, step.target, step.annotation) if part is not None)
            yield from (block.test for block in function.blocks)

    @cached_property
    def bodies(self) -> dict[int, int]:
        """Class body's function -> class."""
        return {known.body: index for index, known in enumerate(self.facts.classes)}

    def class_of(self, function: int) -> ClassFacts | None:
        owner = self.facts.functions[function].owner
        return self.facts.classes[owner] if owner >= 0 else None

    def calls(self) -> Iterator[tuple[int, Step, Call]]:
        """Every call with its function and step."""
        return zip(*self._calls, strict=True)

    @cached_property
    def _calls(self) -> tuple[list[int], list[Step], list[Call]]:
        """The columns of what `calls` gives: a row for each of a large repository's calls would take 15 MB."""
        indices, steps, calls = list[int](), list[Step](), list[Call]()
        for index, function in enumerate(self.facts.functions):
            for step in function.steps:
                for part in walk(step.value):
                    if isinstance(part, Call):
                        indices.append(index)
                        steps.append(step)
                        calls.append(part)
        return indices, steps, calls


class Source:
    """Path -> Module. `read` gives a file's facts, or None for what cannot be read."""

    def __init__(self, read: Callable[[str], FileFacts | None]) -> None:
        self._read = read
        self._modules: dict[str, Module | None] = {}

    def module(self, path: str) -> Module | None:
        if path not in self._modules:
            self._modules[path] = self.glimpse(path)
        return self._modules[path]

    def glimpse(self, path: str) -> Module | None:
        """A module that nobody may ask for again: it is not held."""
        if path in self._modules:
            return self._modules[path]
        # Places in deploy files are asked for too: they are no Python.
        facts = self._read(path) if path.endswith((".py", ".pyw", ".ipynb")) else None
        return None if facts is None else Module(path, facts)


def _named_by(expr: Expr) -> list[str]:
    """The words of a text like `a.b`, `a.b:c` or `a,b`."""
    if not isinstance(expr, Constant) or not isinstance(expr.value, str) or not _NAMES.fullmatch(expr.value):
        return []
    return _WORD.findall(expr.value)


def last_name(expr: Expr) -> str:
    """`c` of `a.b.c`, `x` of `x`, "" of anything else."""
    if isinstance(expr, Attribute):
        return expr.name
    return expr.id if isinstance(expr, Name) else ""


def _parts_of(target: Expr | None) -> tuple[Expr, ...]:
    if target is None:
        return ()
    return tuple(part for item in target.items for part in _parts_of(item)) if isinstance(target, Collection) else (target,)


def _bound_names(target: Expr | None) -> tuple[str, ...]:
    return tuple(part.id for part in _parts_of(target) if isinstance(part, Name))


def _grows(call: Call) -> bool:
    return (
        isinstance(call.function, Attribute)
        and call.function.name in ("append", "add", "setdefault", "put", "insert", "update")
        and bool(call.arguments)
    )
