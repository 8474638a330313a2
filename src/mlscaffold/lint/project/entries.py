"""Where deployables start: application objects, classes and functions that a serving framework calls, scripts, task queues."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import PurePosixPath

from mlscaffold.light import dataclass
from mlscaffold.lint.catalog import ServerEntry
from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import ClassValue, External, FunctionValue, Site
from mlscaffold.lint.syntax import Attribute, Call, Expr, Name

_TEST = re.compile(
    r"(^|/)(tests?|testing|test_[^/]*|[^/]*_tests?\.py|tests\.py|conftest\.py|docs?|benchmarks?|fixtures|migrations)(/|$)"
)


@dataclass(frozen=True, slots=True)
class Start:
    """One place that makes a deployable. `holder` is the class that serves, where a class does."""

    site: Site
    server: ServerEntry
    function: int = MODULE
    holder: ClassValue | None = None
    callers: tuple[Site, ...] = ()


def is_test(path: str) -> bool:
    """Whether a file is test, documentation or migration code: nothing there is deployed."""
    return bool(_TEST.search(path)) or PurePosixPath(path).name.startswith("test_")


class Entries:
    """The starts of a repository, in the order of their paths."""

    def __init__(self, evaluator: Evaluator, candidates: Iterable[str]) -> None:
        self._evaluator = evaluator
        self._catalog = evaluator.catalog
        self._modules = [module for path in candidates if not is_test(path) and (module := evaluator.source.module(path))]

    def all(self) -> list[Start]:
        """Every start; those of one file that make one kind of server count once."""
        found: list[Start] = []
        for module in self._modules:
            own = list(self._of_module(module))
            found += own
        return [self._with_callers(start) for start in found]

    def _of_module(self, module: Module) -> Iterator[Start]:
        made = list(self._constructed(module))
        held = list(self._classes(module))
        replicas = [start for start in held if start.server.framework in ("ray serve", "bentoml")]
        if replicas:
            yield from replicas
            return
        online = [start for start in made if start.server.kind != "worker"]
        yield from online[:1]
        yield from [start for start in made if start.server.kind == "worker"][:1]
        if not made and held:
            yield held[0]
        if not made and not held:
            yield from self._functions(module)
        if not online:
            yield from self._script(module)

    def _constructed(self, module: Module) -> Iterator[Start]:
        plain: list[Start] = []
        for index, _, call in module.calls():
            if not isinstance(call.function, Name | Attribute) or last_name(call.function) not in self._makers(module):
                continue
            if last_name(call.function) in _AROUND and (len(call.arguments) > 1 or call.keywords):
                continue  # another application stands behind it
            for value in self._evaluator.evaluate(call.function, self._evaluator.free_frame(module.path, index)):
                entry = self._server_of(value)
                if entry is not None:
                    plain.append(Start(Site(module.path, call.line, call.column), entry, index))
        yield from sorted(plain, key=lambda start: (start.server.kind == "ui", start.site.line))

    def _server_of(self, value: object) -> ServerEntry | None:
        if isinstance(value, External):
            return self._catalog.constructors.get(value.name)
        if isinstance(value, ClassValue):
            for owner in self._evaluator.lineage(value):
                entry = self._catalog.constructors.get(owner.name) if isinstance(owner, External) else None
                if entry is not None:
                    return entry
        return None

    def _makers(self, module: Module) -> frozenset[str]:
        """The names under which constructors can be called in this file."""
        names = {known.alias or known.name for known in module.facts.imports if known.name}
        return frozenset(names | _CONSTRUCTOR_NAMES | {known.name for known in module.facts.classes})

    def _classes(self, module: Module) -> Iterator[Start]:
        for index, known in enumerate(module.facts.classes):
            frame = self._evaluator.free_frame(module.path, max(known.parent, 0))
            value = ClassValue(module.path, index, frame)
            entry = self._catalog.classes.get(known.name) or self.server_base(value) or self._decorated(known.decorators, module)
            if entry is not None:
                yield Start(Site(module.path, known.line), entry, holder=value)

    def server_base(self, value: ClassValue) -> ServerEntry | None:
        """The serving framework whose class this one extends."""
        for owner in self._evaluator.lineage(value)[1:]:
            if isinstance(owner, External):
                entry = self._catalog.bases.get(owner.name) or (
                    self._catalog.bases.get("x.Servicer") if owner.name.endswith("Servicer") else None
                )
                if entry is not None:
                    return entry
            elif (module := self._evaluator.source.module(owner.path)) and module.facts.classes[owner.index].name.endswith(
                "Servicer"
            ):
                return self._catalog.bases.get("x.Servicer")
        return None

    def _decorated(self, decorators: tuple[Expr, ...], module: Module) -> ServerEntry | None:
        for decorator in decorators:
            target = decorator.function if isinstance(decorator, Call) else decorator
            for value in self._evaluator.evaluate(target, self._evaluator.frame(module.path, MODULE)):
                entry = self._catalog.decorators.get(value.name) if isinstance(value, External) else None
                if entry is not None:
                    return entry
        return None

    def _functions(self, module: Module) -> Iterator[Start]:
        top = {name: module.function(index) for name, index in module.nested.get(MODULE, {}).items()}
        for function in top.values():
            entry = self._decorated(function.decorators, module)
            if entry is not None:
                yield Start(Site(module.path, function.line), entry)
                return
        for names, entry in self._catalog.hooks:
            if all(name in top for name in names):
                yield Start(Site(module.path, top[names[-1]].line), entry)
                return
        for words, entry in self._catalog.signatures:
            for name in entry.answer:
                function_facts = top.get(name)
                if function_facts and [known.name for known in function_facts.parameters][: len(words)] == list(words):
                    yield Start(Site(module.path, function_facts.line), entry)
                    return

    def _script(self, module: Module) -> Iterator[Start]:
        """Files that a framework runs from top to bottom; a Django project's routes."""
        for known in module.facts.imports:
            entry = self._catalog.scripts.get(known.module.partition(".")[0]) if not known.level else None
            if entry is not None and self._runs(module, known.alias or known.name or known.module):
                yield Start(Site(module.path, known.line), entry)
                return
        for step in module.locals_of(MODULE).get("urlpatterns", ())[:1]:
            entry = self._catalog.urls.get("django.urls.path")
            if entry is not None:
                yield Start(Site(module.path, step.line), entry)

    def _runs(self, module: Module, name: str) -> bool:
        """Whether the file shows something when it is imported: a page, not a helper."""
        shown = 0
        for _, step, call in module.calls():
            base = call.function.base if isinstance(call.function, Attribute) else call.function
            if isinstance(base, Name | Attribute) and last_name(base) == name and step.kind in ("expr", "assign", "with"):
                shown += 2 if last_name(call.function) == "set_page_config" else 1  # only what is run may set it
        hooks = (part for function in module.facts.functions for part in function.decorators)
        listens = any(last_name(getattr(part, "base", part)) == name and last_name(part).startswith("on_") for part in hooks)
        return shown >= 2 or listens

    # -- factories -------------------------------------------------------------------------------------------------

    def _with_callers(self, start: Start) -> Start:
        """An application that several files elsewhere get from a factory is several deployables; one caller is part of
        the same."""
        module = self._evaluator.source.module(start.site.path)
        if module is None or start.holder is not None or start.server.kind in ("worker", "ui"):
            return start
        makers = self._factories(module, start)
        folder = start.site.path.rpartition("/")[0]
        found: dict[str, Site] = {}
        for path, call, values in self._handed_over.get(start.site.path, ()):
            if path != start.site.path and any(self._makes(value, start, makers) for value in values):
                found.setdefault(path, Site(path, call.line, call.column))
        if len(found) < 2 or any(path.rpartition("/")[0] == folder for path in found):
            return start
        return Start(start.site, start.server, start.function, start.holder, tuple(found.values()))

    @cached_property
    def _handed_over(self) -> dict[str, list[tuple[str, Call, tuple[object, ...]]]]:
        """The calls at the top of files whose results are kept, with what each may be a call of, by the files where that is
        defined. Asked for once, not for every start."""
        found: dict[str, list[tuple[str, Call, tuple[object, ...]]]] = {}
        for caller in self._modules:
            for index, step, call in caller.calls():
                if step.kind != "assign" or last_name(call.function) in _CONSTRUCTOR_NAMES - {"init_app"}:
                    continue
                if not self._at_top(caller, index):
                    continue
                values = tuple(self._evaluator.evaluate(call.function, self._evaluator.free_frame(caller.path, index)))
                for path in {path for value in values for path in self._defined_in(value)}:
                    found.setdefault(path, []).append((caller.path, call, values))
        return found

    def _defined_in(self, value: object) -> Iterator[str]:
        if isinstance(value, FunctionValue):
            yield value.path
        if isinstance(value, ClassValue):
            yield from (known.path for known in self._evaluator.lineage(value) if isinstance(known, ClassValue))

    def _at_top(self, module: Module, index: int) -> bool:
        return index == MODULE or module.function(index).name in ("main", "create_app", "create", "run")

    def _factories(self, module: Module, start: Start) -> frozenset[int]:
        """The functions that make or hand out the application."""
        if start.function != MODULE:
            return frozenset((start.function,))
        name = next(
            (
                word
                for word, steps in module.locals_of(MODULE).items()
                if any(step.line <= start.site.line <= step.line + 1 for step in steps)
            ),
            "",
        )
        return frozenset(
            index
            for index, function in enumerate(module.facts.functions)
            for step in function.steps
            if index and step.kind == "return" and isinstance(step.value, Name) and step.value.id == name
        )

    def _makes(self, value: object, start: Start, makers: frozenset[int]) -> bool:
        if isinstance(value, FunctionValue):
            return value.path == start.site.path and value.index in makers
        if not isinstance(value, ClassValue) or start.function == MODULE:
            return False
        module = self._evaluator.source.module(start.site.path)
        owner = module.function(start.function).owner if module else -1
        known = [(found.path, found.index) for found in self._evaluator.lineage(value) if isinstance(found, ClassValue)]
        return owner >= 0 and (start.site.path, owner) in known


_AROUND = ("ASGIApp", "WSGIApp")
_CONSTRUCTOR_NAMES = frozenset(
    "ASGIApp WSGIApp run "
    "FastAPI Flask Litestar Starlette Starlite Quart Sanic Application Robyn API App Bottle server serve LitServer "
    "Celery Blocks Interface "
    "ChatInterface TabbedInterface start Potassium Dash MAXApp HTTPServer ThreadingHTTPServer TCPServer Worker "
    "SimpleWorker Service run "
    "FunctionApp init_app quickstart mount Configurator FlaskAPI APIFlask OpenAPI FlaskApp AsyncApp".split()
)
