"""What an expression may stand for: names, attributes and calls followed through the repository, on demand.

Flow-insensitive (every assignment to a name counts), sensitive to the arguments of calls. Nothing is executed. A
question that comes
back to itself has no answer; answers are cut at `values.MOST`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from mlscaffold.light import replace
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.deploy.process import Environment
from mlscaffold.lint.facts import MODULE, Import, Parameter, Step
from mlscaffold.lint.project import strings
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.project.settings import Settings
from mlscaffold.lint.project.source import Module, Source, last_name
from mlscaffold.lint.project.values import (
    NOWHERE,
    REQUEST,
    ClassValue,
    Door,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Items,
    Known,
    ModelValue,
    ModuleValue,
    Object,
    Request,
    Site,
    Value,
    Values,
    items,
    joined,
    origins,
    texts,
    written,
)
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Choice,
    Collection,
    Compare,
    Comprehension,
    Constant,
    Expr,
    Function,
    Join,
    Logic,
    Mapping,
    Name,
    Other,
    Subscript,
    dotted,
)

DEEPEST = 30  # nested questions
MOST_FRAMES = 24  # different arguments that a function is followed with; beyond it they are unknown
MOST_PER_DEPLOYABLE = 80_000  # questions (about two seconds): what is known until then has to do
MOST_PER_RUN = 4_000_000  # shared out evenly among the deployables, so that none depends on those before it
LEAST_PER_DEPLOYABLE = 25_000
MOST_QUESTIONS = 1500  # that one question may lead to
_DEPENDS = ("fastapi.Depends", "fastapi.params.Depends", "fastapi.Security", "litestar.di.Provide")
_REQUESTS = ("flask.request", "quart.request", "bottle.request", "flask_restx.reqparse", "flask_restful.reqparse")
_FILLED = tuple(f"fastapi.{name}" for name in ("Query", "Form", "Body", "Path", "Header", "Cookie", "File"))  # by a request
_FIELDS = ("pydantic.Field", "pydantic.fields.Field", "dataclasses.field", "attr.ib", "attrs.field")
_PATHS = (
    "os.path.join", "pathlib.Path", "str", "os.path.abspath", "pathlib.PurePath", "os.path.realpath", "os.fspath",
    "os.path.normpath", "pathlib.Path.joinpath", "pathlib.Path.resolve", "pathlib.Path.as_posix", "pathlib.Path.absolute",
    "hydra.utils.to_absolute_path", "os.path.expanduser",
)  # fmt: skip
_SAME_OBJECT = frozenset(
    "to eval cuda half float cpu bfloat16 double compile share_memory requires_grad_ train_mode unwrap fuse bettertransformer "
    "to_bettertransformer merge_and_unload quantize prepare __enter__ bind with_config enable_model_cpu_offload".split()
)
# What a container hands out: calling a provider gives the object that it makes.
PROVIDERS = (
    "dependency_injector.providers.Singleton",
    "dependency_injector.providers.ThreadSafeSingleton",
    "dependency_injector.providers.Factory",
    "dependency_injector.providers.Resource",
)
_PROVIDED = "<provided>"
_MODEL_BASES = ("torch.nn.", "tensorflow.keras.", "keras.", "pytorch_lightning.", "lightning.", "transformers.")


def share(deployables: int) -> int:
    """The questions that each of so many deployables may ask."""
    return max(LEAST_PER_DEPLOYABLE, min(MOST_PER_DEPLOYABLE, MOST_PER_RUN // max(deployables, 1)))


class Evaluator:
    """Answers for one repository. Its memory only grows, and an answer never depends on what was asked before."""

    def __init__(self, source: Source, imports: Imports, catalog: Catalog, settings: Settings) -> None:
        self.source = source
        self.imports = imports
        self.catalog = catalog
        self.settings = settings
        self.silent = False
        self._around: Environment = ()
        self.scope: tuple[str, ...] = ()  # the modules of the deployable at hand: where `app.state.x` may be set
        self.doors: dict[tuple[int, int, int], Door] = {}
        self.loading: dict[str, tuple[tuple[int, Call, str], ...]] = {}  # module -> its calls that load by their names alone
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._memory: dict[tuple[int, int], Values] = {}
        self._left = MOST_PER_DEPLOYABLE
        self._methods: dict[str, list[tuple[str, int, int]]] | None = None
        self._shelves: dict[tuple[object, ...], Values] = {}
        self._scope_set: frozenset[str] = frozenset()
        self._callers: dict[str, list[tuple[str, int, Call]]] | None = None
        self._set_entries: dict[str, list[tuple[str, int, Step, Expr]]] = {}
        self._set_attributes: dict[str, list[tuple[str, int, Step, Expr]]] = {}
        self._entered_with: dict[tuple[str, int], int] = {}
        self._scratch: dict[tuple[int, int], Values] = {}
        self._active: set[tuple[int, int]] = set()
        self._importing: set[tuple[str, str]] = set()
        self._cut = False
        self._spent = 0

    def enter(self, scope: tuple[str, ...], environment: Environment, *, questions: int, silent: bool) -> None:
        """Turn to another deployable: what was learnt of the one before may be wrong here, and must not be what decides.

        `silent`: nothing in it can end in an event, so that there is no need to walk.
        """
        self.silent = silent
        self._left = questions
        if (scope, environment) == (self.scope, self._around):
            return  # two applications in the same modules
        self.scope = scope
        self._around = environment
        self.settings.enter(environment)
        self._scope_set = frozenset(scope)
        self._callers = None
        self._methods = None
        self._shelves = {}
        self._set_attributes = {}
        self._set_entries = {}
        for path in scope:
            module = self.source.module(path)
            for name, assigned in module.attributes.items() if module else ():
                self._set_attributes.setdefault(name, []).extend(
                    (path, index, step, target) for index, step, target in assigned[:4]
                )
            for name, assigned in module.entries.items() if module else ():
                self._set_entries.setdefault(name, []).extend((path, index, step, target) for index, step, target in assigned[:6])
        self._memory.clear()
        self.doors.clear()
        self._frames.clear()
        self._entered_with.clear()

    def methods_named(self, name: str) -> list[tuple[str, int, int]]:
        """The methods of that name in the deployable: file, class, function."""
        if self._methods is None:
            self._methods = {}
            for path in self.scope:
                module = self.source.module(path)
                for index, known in enumerate(module.facts.classes if module else ()):
                    for method, place in known.methods:
                        self._methods.setdefault(method, []).append((path, index, place))
        return self._methods.get(name, [])

    # -- frames ----------------------------------------------------------------------------------------------------

    def frame(
        self,
        path: str,
        index: int,
        *,
        bindings: Iterable[tuple[str, Values]] = (),
        itself: Value | None = None,
        parent: Frame | None = None,
    ) -> Frame:
        """The one frame with these parts."""
        bound = tuple(bindings)
        if index != MODULE and parent is None:
            parent = self.frame(path, MODULE)
        key = (path, index, bound, itself, parent)
        if key not in self._frames:
            if bound and self._count(path, index) > MOST_FRAMES:
                return self.frame(
                    path, index, itself=itself if isinstance(itself, Object) and itself.frame is None else None, parent=parent
                )
            self._frames[key] = Frame(path, index, bound, itself, parent)
        return self._frames[key]

    def _count(self, path: str, index: int) -> int:
        """How often a function was entered with other arguments."""
        count = self._entered_with.get((path, index), 0) + 1
        self._entered_with[path, index] = count
        return count

    def free_frame(self, path: str, index: int) -> Frame:
        """The frame of a function whose caller is not known: bound to nothing; a method's object is any of its class."""
        module = self.source.module(path)
        if module is None or index == MODULE:
            return self.frame(path, MODULE)
        function = module.function(index)
        parent = self.free_frame(path, self._scope_parent(module, index))
        itself = Object(path, function.owner, parent) if function.owner >= 0 and index not in module.bodies else None
        return self.frame(path, index, itself=itself, parent=parent)

    def _scope_parent(self, module: Module, index: int) -> int:
        parent = module.function(index).parent
        while parent in module.bodies:  # a class's body is no scope of its methods
            parent = module.function(parent).parent
        return max(parent, MODULE)

    # -- expressions -----------------------------------------------------------------------------------------------

    def evaluate(self, expr: Expr, frame: Frame) -> Values:
        """What the expression may stand for in that frame; () when nothing is known."""
        if isinstance(expr, Constant):
            return (Known(expr.value),)
        key = (id(expr), id(frame))
        if key in self._memory:
            return self._memory[key]
        if key in self._scratch:
            self._cut = True
            return self._scratch[key]
        if self._left <= 0:
            return ()
        self._left -= 1
        if not self._active:
            self._spent = 0
        self._spent += 1
        if key in self._active or len(self._active) > DEEPEST or self._spent > MOST_QUESTIONS:
            self._cut = True
            return ()
        outer, self._cut = self._cut, False
        self._active.add(key)
        try:
            values = self._evaluate(expr, frame)
        finally:
            self._active.discard(key)
        # An answer that was cut short by a question above it holds only until that one is answered.
        if not self._cut or not self._active:
            self._memory[key] = values
        else:
            self._scratch[key] = values
        if not self._active:
            self._scratch.clear()
        self._cut = self._cut or outer
        return values

    def _evaluate(self, expr: Expr, frame: Frame) -> Values:
        answer = _ANSWERS.get(type(expr))
        return answer(self, expr, frame) if answer else ()

    def _name(self, expr: Name, frame: Frame) -> Values:
        return self.name(expr.id, frame)

    def name(self, name: str, frame: Frame) -> Values:
        """What a bare name stands for, looked up from the inside outwards."""
        scope: Frame | None = frame
        while scope is not None:
            module = self.source.module(scope.path)
            if module is None:
                return ()
            found = self._in_scope(name, scope, module)
            if found is not None:
                return found
            scope = scope.parent
        return (External(name),) if name in _BUILTINS else ()

    def _in_scope(self, name: str, frame: Frame, module: Module) -> Values | None:
        bound = frame.bound(name)
        steps = module.locals_of(frame.index).get(name, ())
        assigned = joined(*(self._assigned(name, step, frame) for step in steps))
        if bound is not None:
            return joined(bound, assigned)
        function = module.function(frame.index)
        if parameter := next((known for known in function.parameters if known.name == name), None):
            return joined(self._unbound(parameter, frame, module), assigned)
        defined = module.nested.get(frame.index, {}).get(name)
        if defined is not None:
            return joined((FunctionValue(frame.path, defined, frame),), assigned)
        made = module.classes_in.get(frame.index, {}).get(name)
        if made is not None:
            return (ClassValue(frame.path, made, frame),)
        known = module.imports_in.get(frame.index, {}).get(name)
        if known is not None:
            return joined(self.imported(known, module), assigned)
        if frame.index == MODULE:
            shared = (
                self._assigned(name, step, self.free_frame(frame.path, index)) for index, step in module.shared.get(name, ())
            )
            assigned = joined(assigned, *shared)
            if not steps and not assigned:
                return self._starred(name, module)
        return assigned if steps or assigned else None

    def _assigned(self, name: str, step: Step, frame: Frame) -> Values:
        if step.kind == "with":
            return self._entered(self.evaluate(step.value, frame))
        if isinstance(step.value, Name) and step.value == step.target and frame.parent is not None:
            return self.name(name, frame.parent)  # `Name = Name` in a class takes the one outside
        values = written(self.evaluate(step.value, frame), Site(frame.path, step.line))
        if step.kind == "for":
            added = (
                self._entries(Subscript(step.value, Name("", 0), step.line), frame)
                if isinstance(step.value, Name | Attribute)
                else ()
            )
            values = joined(_elements(values), added)
        if step.annotation is not None and all(isinstance(value, External | ExternalObject | Request) for value in values):
            told = self._annotated(step.annotation, frame)
            return told if not values or any(isinstance(value, Object) for value in told) else values
        if isinstance(step.target, Collection):
            return _unpacked(values, step.target, name)
        return values

    def _entered(self, values: Values) -> Values:
        found: list[Values] = []
        for value in values:
            entered = self.method(value, "__enter__") or self.method(value, "__aenter__")
            found.append(self.returned(entered, (), {}) if entered else (value,))
        return joined(*found)

    def _unbound(self, parameter: Parameter, frame: Frame, module: Module) -> Values:
        """A parameter that no call is known to bind: `self`, its default, what it is annotated with."""
        function = module.function(frame.index)
        if function.owner >= 0 and function.parameters and parameter is function.parameters[0] and frame.itself is not None:
            return (frame.itself,)
        outer = frame.parent or self.frame(frame.path, MODULE)
        values: Values = ()
        if parameter.default is not None:
            values = self._default(self.evaluate(parameter.default, outer))
        if parameter.annotation is not None and (not values or values == (Known(None),)):
            values = joined(values, self._annotated(parameter.annotation, outer))
        if not values and not frame.bindings and parameter.default is None and not parameter.star:
            values = self._given_by_callers(parameter, frame, module)
        return values

    def _given_by_callers(self, parameter: Parameter, frame: Frame, module: Module) -> Values:
        """What the calls of the deployable give to a parameter, where the call at hand is not known."""
        function = module.function(frame.index)
        owner = module.class_of(frame.index)
        name = owner.name if owner is not None and function.name == "__init__" else function.name
        plain = [known.name for known in function.parameters if not known.star]
        place = plain.index(parameter.name) - (1 if owner is not None else 0)
        found: list[Values] = []
        for path, index, call in self.calls_of(name)[:6]:
            given = dict(call.keywords).get(parameter.name)
            if given is None and 0 <= place < len(call.arguments):
                given = call.arguments[place]
            if given is not None and not isinstance(given, Constant):
                found.append(self.evaluate(given, self.free_frame(path, index)))
        return tuple(value for value in joined(*found) if not isinstance(value, Known))

    def calls_of(self, name: str) -> list[tuple[str, int, Call]]:
        """The calls of something of that name in the deployable: file, function, call."""
        if self._callers is None:
            self._callers = {}
            for path in self.scope:
                module = self.source.module(path)
                for index, _, call in module.calls() if module else ():
                    self._callers.setdefault(last_name(call.function), []).append((path, index, call))
        return self._callers.get(name, []) if len(name) > 3 else []

    def _default(self, values: Values) -> Values:
        return joined(*((replace(value, soft=True),) if isinstance(value, Known) else (value,) for value in values))

    def _annotated(self, annotation: Expr, frame: Frame) -> Values:
        """An object of the annotated class; `Annotated[T, Depends(f)]` gives what `f` returns."""
        if isinstance(annotation, Subscript):
            head = last_name(annotation.base)
            parts = annotation.index.items if isinstance(annotation.index, Collection) else (annotation.index,)
            if head == "Annotated":
                given = joined(*(self.evaluate(part, frame) for part in parts[1:]))
                return given or self._annotated(parts[0], frame)
            if head in ("Optional", "Union", "ClassVar", "Final"):
                return joined(*(self._annotated(part, frame) for part in parts))
            return ()
        if isinstance(annotation, Other):
            return joined(*(self._annotated(part, frame) for part in annotation.parts))
        alias = self.alias(annotation, frame)
        if alias is not None:
            return self._annotated(*alias)
        values = self.evaluate(annotation, frame) if isinstance(annotation, Name | Attribute) else ()
        found: list[Value] = []
        for value in values:
            if isinstance(value, ClassValue):
                found.append(Object(value.path, value.index, value.parent))
            elif isinstance(value, External) and value.name not in _BUILTINS and not value.name.startswith("typing."):
                found.append(ExternalObject(value.name, Site(frame.path, 0)))
        return tuple(found)

    def alias(self, annotation: Expr, frame: Frame) -> tuple[Expr, Frame] | None:
        """What `Injected = Annotated[T, Depends(f)]` stands for, with the frame it is written in."""
        if not isinstance(annotation, Name):
            return None
        path, name = frame.path, annotation.id
        for _ in range(4):
            module = self.source.module(path)
            if module is None:
                return None
            for step in module.locals_of(MODULE).get(name, ()):
                if isinstance(step.value, Subscript) and last_name(step.value.base) == "Annotated":
                    return step.value, self.frame(path, MODULE)
            known = module.imports_in.get(MODULE, {}).get(name)
            following = self.imports.resolve(path, known.module, known.level) if known and known.name else None
            if known is None or following is None or following == path:
                return None
            path, name = following, known.name
        return None

    # -- imports ---------------------------------------------------------------------------------------------------

    def imported(self, known: Import, module: Module) -> Values:
        """What an import binds: a module, a member of it, or something external."""
        path = self.imports.resolve(module.path, known.module, known.level)
        if path and path.endswith("/") and not known.name and known.module in self.catalog.libraries:
            path = None  # a folder without `__init__.py` that happens to be called like a library is not that library
        if known.name and not known.level and self.catalog.loads.get(f"{known.module}.{known.name}"):
            return (External(f"{known.module}.{known.name}"),)  # a library that lies in the repository is still that library
        if not known.name:
            if known.alias or "." not in known.module:
                return (ModuleValue(path),) if path else (External(known.module),)
            top = known.module.partition(".")[0]
            path = self.imports.resolve(module.path, top)
            return (ModuleValue(path),) if path else (External(top),)
        if path is None and f"{known.module}.{known.name}" in _REQUESTS:
            return (REQUEST,)
        if path is None:
            return (External(f"{known.module}.{known.name}" if known.module else known.name),)
        found = self._guarded_member(path, known.name)
        if not found and not known.level and path.endswith("/"):
            return (External(f"{known.module}.{known.name}"),)
        return found

    def member(self, path: str, name: str) -> Values:
        """An attribute of a module of the repository."""
        module = self.source.module(path)
        if module is not None:
            found = self._in_scope(name, self.frame(path, MODULE), module)
            if found:
                return found
        inner = self.imports.member(path, name)
        return (ModuleValue(inner),) if inner else ()

    def _starred(self, name: str, module: Module) -> Values | None:
        for known in module.stars:
            path = self.imports.resolve(module.path, known.module, known.level)
            if path and path != module.path and (found := self._guarded_member(path, name)):
                return found
        return None

    def _guarded_member(self, path: str, name: str) -> Values:
        key = (path, name)  # modules that import a name from each other have no bottom
        if key in self._importing:
            return ()
        self._importing.add(key)
        try:
            return self.member(path, name)
        finally:
            self._importing.discard(key)

    # -- attributes ------------------------------------------------------------------------------------------------

    def _attribute(self, expr: Attribute, frame: Frame) -> Values:
        if isinstance(expr.base, Call) and dotted(expr.base.function) == "super":
            return self._inherited(expr.name, frame)
        values = self.evaluate(expr.base, frame)
        if any(isinstance(value, ModuleValue) for value in values) and (library := self._vendored(expr, frame)) is not None:
            return (library,)
        found = joined(*(self.attribute(value, expr.name) for value in values))
        if found and last_name(expr.base) == "state" and all(isinstance(value, External) for value in found):
            found = self._set_elsewhere(expr, ()) or found  # `app.state` is a shelf of the application's own
        if not found and not any(isinstance(value, ModuleValue | ModelValue) for value in values):
            found = self._set_elsewhere(expr, values)
        if not found and any(isinstance(value, Request) for value in values):
            return (REQUEST,)
        return found

    def _vendored(self, expr: Attribute, frame: Frame) -> External | None:
        """`library.Loader` where the library lies in the repository: it is still that library."""
        module = self.source.module(frame.path)
        known = module.imports_in.get(MODULE, {}).get(expr.base.id) if module and isinstance(expr.base, Name) else None
        if known is None or known.name or known.level:
            return None
        name = f"{known.module}.{expr.name}"
        return External(name) if self.catalog.loads.get(name) else None

    def _inherited(self, name: str, frame: Frame) -> Values:
        """`super().name`: what the bases of the class that holds the function say."""
        module = self.source.module(frame.path)
        scope = module.function(frame.index).owner if module else -1
        if module is None or scope < 0 or not isinstance(frame.itself, Object):
            return ()
        line = self.lineage(frame.itself)
        here = next(
            (
                place
                for place, owner in enumerate(line)
                if isinstance(owner, ClassValue) and (owner.path, owner.index) == (frame.path, scope)
            ),
            0,
        )
        for owner in line[here + 1 :]:
            if isinstance(owner, External):
                return (External(f"{owner.name}.{name}"),)
            holder = self.source.module(owner.path)
            index = dict(holder.facts.classes[owner.index].methods).get(name) if holder else None
            if index is not None:
                return (FunctionValue(owner.path, index, owner.parent, frame.itself),)
        return ()

    def attribute(self, value: Value, name: str) -> Values:
        """An attribute of one value."""
        if isinstance(value, ModuleValue):
            return self.member(value.path, name)
        if isinstance(value, External):
            return (External(f"{value.name}.{name}"),)
        if isinstance(value, ExternalObject):
            if value.name == "argparse.ArgumentParser.parse_args":
                return self._option(value.site.path, name)
            return (External(f"{value.name}.{name}"),)
        if isinstance(value, Object):
            return (ClassValue(value.path, value.index, value.parent),) if name == "__class__" else self._of_object(value, name)
        if isinstance(value, ClassValue):
            return self._of_class(value, name)
        if isinstance(value, Items):
            named = _picked(value, name)
            return named if named else (value,) if name in ("values", "items", "copy") else ()
        return ()

    def _of_object(self, value: Object, name: str) -> Values:
        bound = self.method(value, name)
        if bound is not None:
            return self.returned(bound, (), {}) if self._is_property(bound) else (bound,)
        owners = (owner for owner in self.lineage(value) if isinstance(owner, ClassValue))
        known = joined(*(self._assigned_on(owner, name, value) for owner in owners))
        return known or self._of_class(ClassValue(value.path, value.index, value.parent), name)

    def _assigned_on(self, owner: ClassValue, name: str, value: Object) -> Values:
        """`self.name = …` in any method of the class."""
        module = self.source.module(owner.path)
        found: list[Values] = []
        for index, step, target in module.attributes.get(name, ()) if module else ():
            function = module.function(index) if module else None
            if function is None or not isinstance(target, Attribute) or not isinstance(target.base, Name):
                continue
            if function.owner != owner.index or target.base.id not in ("self", "cls"):
                continue
            values = self._assigned(name, step, self._frame_in(value, owner, index))
            found.append(
                _unpacked(self.evaluate(step.value, self._frame_in(value, owner, index)), step.target, name)
                if isinstance(step.target, Collection)
                else values
            )
        return joined(*found)

    def _frame_in(self, value: Object, owner: ClassValue, index: int) -> Frame:
        if value.frame is not None and (value.frame.path, value.frame.index) == (owner.path, index):
            return value.frame
        return self.frame(owner.path, index, itself=value, parent=owner.parent)

    def _of_class(self, value: ClassValue, name: str) -> Values:
        for owner in self.lineage(value):
            if isinstance(owner, External):
                return (External(f"{owner.name}.{name}"),)
            module = self.source.module(owner.path)
            if module is None:
                continue
            known = module.facts.classes[owner.index]
            for method, index in reversed(known.methods):
                if method == name:
                    return (FunctionValue(owner.path, index, owner.parent, value),)
            body = self.frame(owner.path, known.body, parent=owner.parent)
            steps = module.locals_of(known.body).get(name, ())
            found = joined(*(self._field(name, step, body) for step in steps))
            if found:
                return joined(found, self._assigned_on(owner, name, Object(owner.path, owner.index, owner.parent)))
            if found := self._assigned_on(owner, name, Object(owner.path, owner.index, owner.parent)):
                return found
        return ()

    def _field(self, name: str, step: Step, frame: Frame) -> Values:
        values = self._assigned(name, step, frame)
        setting = self.settings.variable(name)
        return setting if setting and values and all(isinstance(value, Known) for value in values) else values

    def lineage(self, value: Object | ClassValue) -> list[ClassValue | External]:
        """The class and its bases, nearest first; each class once."""
        waiting: list[ClassValue | External] = [ClassValue(value.path, value.index, value.parent)]
        found: list[ClassValue | External] = []
        while waiting and len(found) < 12:
            owner = waiting.pop(0)
            if owner in found:
                continue
            found.append(owner)
            module = self.source.module(owner.path) if isinstance(owner, ClassValue) else None
            if module is None or isinstance(owner, External):
                continue
            frame = owner.parent or self.frame(owner.path, MODULE)
            for base in module.facts.classes[owner.index].bases:
                bases = self.evaluate(base.base if isinstance(base, Subscript) else base, frame)
                waiting += [known for known in bases if isinstance(known, ClassValue | External)]
        return found

    def method(self, value: Value, name: str) -> FunctionValue | None:
        """The method of an object, bound to it."""
        if not isinstance(value, Object):
            return None
        for owner in self.lineage(value):
            module = self.source.module(owner.path) if isinstance(owner, ClassValue) else None
            if module is None or isinstance(owner, External):
                continue
            for method, index in reversed(module.facts.classes[owner.index].methods):
                if method == name:
                    return FunctionValue(owner.path, index, owner.parent, value)
        return None

    def _is_property(self, bound: FunctionValue) -> bool:
        module = self.source.module(bound.path)
        decorators = module.function(bound.index).decorators if module else ()
        return any(last_name(found) in ("property", "cached_property", "hybrid_property") for found in decorators)

    def _set_elsewhere(self, expr: Attribute, values: Values) -> Values:
        """`app.state.model`, `request.app["model"]`, `ctx.model`: what the deployable assigns to an attribute of that name."""
        if any(isinstance(value, Object | ClassValue | Items) for value in values) or expr.name.startswith("__"):
            return ()
        key = ("." + expr.name, None)
        if key not in self._shelves:
            self._shelves[key] = ()
            found: list[Values] = []
            outside = (
                known
                for known in self._set_attributes.get(expr.name, ())
                if isinstance(known[3], Attribute) and dotted(known[3].base) not in ("self", "cls")
            )
            for path, index, step, _ in islice(outside, 8):
                found.append(self._assigned(expr.name, step, self.free_frame(path, index)))
            self._shelves[key] = tuple(
                value for value in joined(*found) if isinstance(value, Object | ModelValue | FunctionValue | Items)
            )
        return self._shelves[key]

    # -- collections -----------------------------------------------------------------------------------------------

    def _subscript(self, expr: Subscript, frame: Frame) -> Values:
        base = self.evaluate(expr.base, frame)
        keys = self.evaluate(expr.index, frame)
        found: list[Values] = []
        for value in base:
            if isinstance(value, Items):
                wanted = [
                    _picked(value, key.value) for key in keys if isinstance(key, Known) and isinstance(key.value, str | int)
                ]
                found.append(joined(*wanted) if any(wanted) else _elements((value,)))
            elif isinstance(value, ModelValue | ClassValue):  # `Box[Model](…)` makes a Box
                found.append((value,))
            elif isinstance(value, Request):
                stored = self._entries(expr, frame) if isinstance(expr.index, Constant) else ()
                found.append(tuple(held for held in stored if not isinstance(held, Known)) or (REQUEST,))
            elif isinstance(value, External) and value.name == "os.environ":
                found.append(self._environment(texts(keys), ()))
            elif isinstance(value, External) and self.catalog.loads.get(value.name):  # a registry of a library's builders
                found.append((value,))
        known = joined(*found)
        return known if any(not isinstance(value, Known) for value in known) else joined(known, self._entries(expr, frame))

    def _entries(self, expr: Subscript, frame: Frame) -> Values:
        """What is put into a mapping of that name by `name[…] = …` or `.append`."""
        name = last_name(expr.base)
        own = self.source.module(frame.path)
        if not name or own is None:
            return ()
        if frame.path not in self._scope_set:
            assigned = [(frame.path, *found) for found in own.entries.get(name, ())]
            return self._put_in(assigned, expr.index)
        assigned = self._set_entries.get(name, [])
        own_name = isinstance(expr.base, Name) and name not in own.imports_in.get(MODULE, {})
        if own_name:  # two modules may have a mapping of that name each
            assigned = [found for found in assigned if found[0] == frame.path or self._imports_name(found[0], name)]
        key = (name, expr.index.value if isinstance(expr.index, Constant) else None, frame.path if own_name else "")
        if key not in self._shelves:
            self._shelves[key] = ()  # what puts a thing where it was taken from adds nothing
            self._shelves[key] = self._put_in(assigned, expr.index)
        return self._shelves[key]

    def _imports_name(self, path: str, name: str) -> bool:
        module = self.source.module(path)
        return module is not None and any(name in known for known in module.imports_in.values())

    def _put_in(self, assigned: list[tuple[str, int, Step, Expr]], wanted: Expr) -> Values:
        found: list[Values] = []
        for path, index, step, target in assigned[:8]:
            value = step.value
            if isinstance(target, Attribute) and isinstance(value, Call):  # .append(x), .setdefault(k, x)
                value = value.arguments[-1]
            elif isinstance(target, Subscript) and not _same_key(target.index, wanted):
                continue
            found.append(self.evaluate(value, self.free_frame(path, index)))
        return joined(*found)

    def _collection(self, expr: Collection, frame: Frame) -> Values:
        if len(expr.items) > 40:
            return ()
        return items((place, self.evaluate(item, frame)) for place, item in enumerate(expr.items))

    def _mapping(self, expr: Mapping, frame: Frame) -> Values:
        pairs: list[tuple[str | int | None, Values]] = []
        for key, value in expr.pairs[:60]:
            known = self.evaluate(key, frame) if key is not None else ()
            first = known[0].value if known and isinstance(known[0], Known) else None
            pairs.append((first if isinstance(first, str | int) else None, self.evaluate(value, frame)))
        return items(pairs)

    def inside(self, expr: Comprehension, frame: Frame) -> Frame:
        """The frame in which a comprehension's element stands: its target is each of what it goes through."""
        name = expr.target.id if isinstance(expr.target, Name) else ""
        elements = _elements(self.evaluate(expr.iterable, frame)) if name else ()
        if not elements:
            return frame
        bound = (*frame.bindings, (name, elements))
        return self.frame(frame.path, frame.index, bindings=bound, itself=frame.itself, parent=frame.parent)

    def _comprehension(self, expr: Comprehension, frame: Frame) -> Values:
        values = self.evaluate(expr.element[-1], self.inside(expr, frame))
        return items([(None, values)]) if values else ()

    def _choice(self, expr: Choice, frame: Frame) -> Values:
        verdict = self.truth(expr.test, frame)
        if verdict is not None:
            return self.evaluate(expr.body if verdict else expr.other, frame)
        return joined(self.evaluate(expr.body, frame), self.evaluate(expr.other, frame))

    def _logic(self, expr: Logic, frame: Frame) -> Values:
        if expr.operator == "not":
            return ()
        return joined(*(self.evaluate(part, frame) for part in expr.values))

    def _join(self, expr: Join, frame: Frame) -> Values:
        parts = [self.evaluate(part, frame) for part in expr.parts]
        if any(isinstance(value, Request) for values in parts for value in values):
            return (REQUEST,)
        words = [
            next((str(value.value) for value in values if isinstance(value, Known) and value.value is not None), "*")
            for values in parts
        ]
        text = "".join(words) if not _is_path(words) else "/".join(word.strip("/") for word in words)
        return (Known(text, soft="*" in words),) if any(word != "*" for word in words) else ()

    def _function(self, expr: Function, frame: Frame) -> Values:
        return (FunctionValue(frame.path, expr.index, frame),)

    def _other(self, expr: Other, frame: Frame) -> Values:
        values = joined(*(self.evaluate(part, frame) for part in expr.parts)) if len(expr.parts) == 1 else ()
        return tuple(value for value in values if not isinstance(value, Known))

    # -- truth -----------------------------------------------------------------------------------------------------

    def truth(self, test: Expr, frame: Frame) -> bool | None:
        """Whether a condition holds with the constants and defaults of the repository; None: it depends."""
        if isinstance(test, Logic):
            verdicts = [self.truth(part, frame) for part in test.values]
            if test.operator == "not":
                return None if verdicts[0] is None else not verdicts[0]
            wanted = test.operator == "or"
            return wanted if wanted in verdicts else None if None in verdicts else not wanted
        if isinstance(test, Compare):
            return self._compared(test, frame)
        if not isinstance(test, Name | Attribute | Call | Constant | Subscript):
            return None
        values = self.evaluate(test, frame)
        if len(values) != 1 or not isinstance(values[0], Known) or values[0].value is None:
            return None  # None is what a variable holds before it is set: no verdict
        return _is_on(values[0].value)

    def _compared(self, test: Compare, frame: Frame) -> bool | None:
        left, right = self.evaluate(test.left, frame), self.evaluate(test.right, frame)
        if test.operator in ("in", "not in"):
            return self._contained(left, right, test.operator)
        if test.operator in ("is", "is not") and right == (Known(None),) and self._is_given(test.left, frame):
            return test.operator == "is not"
        if len(left) != 1 or len(right) != 1 or test.operator not in ("==", "!="):
            return None
        one, other = left[0], right[0]
        if not isinstance(one, Known) or not isinstance(other, Known) or None in (one.value, other.value):
            return None
        if "*" in str(one.value) or "*" in str(other.value):
            return None
        return (one.value == other.value) == (test.operator == "==")

    def _is_given(self, expr: Expr, frame: Frame) -> bool:
        """Whether the caller surely gives an object for a parameter that may be left out."""
        given = frame.bound(expr.id) if isinstance(expr, Name) else None
        return bool(given) and all(isinstance(value, Object | ModelValue) for value in given or ())

    def _contained(self, left: Values, right: Values, operator: str) -> bool | None:
        if len(left) != 1 or len(right) != 1 or not isinstance(left[0], Known) or not isinstance(right[0], Items):
            return None
        members = [value for _, values in right[0].pairs for value in values]
        if not members or not all(isinstance(value, Known) for value in members):
            return None
        return (any(isinstance(value, Known) and value.value == left[0].value for value in members)) == (operator == "in")

    # -- calls -----------------------------------------------------------------------------------------------------

    def _call(self, expr: Call, frame: Frame) -> Values:
        function = expr.function
        if isinstance(function, Attribute):
            held = self.evaluate(function.base, frame)
            kept = self._on_held(held, function.name, expr, frame)
            if kept is not None:
                return kept
        values = self.evaluate(function, frame)
        return joined(*(self.called(value, expr, frame) for value in values))

    def _on_held(self, held: Values, method: str, expr: Call, frame: Frame) -> Values | None:
        """Methods of what is not code of the repository: models, requests, mappings, texts."""
        for value in held:
            if isinstance(value, ModelValue):
                opened = value.role == "unknown" and method in ("get", "pop", "copy", "items")  # a checkpoint is a mapping
                same = tuple(known for known in held if isinstance(known, ModelValue))
                return same if opened or method in _SAME_OBJECT else ()
            if isinstance(value, Request) and method != "get":
                return (REQUEST,)
            said = strings.said_by(value, method, expr, frame, self)
            if said is not None:
                return said
            if isinstance(value, Items) and method in ("get", "pop", "setdefault", "values", "items", "copy"):
                if method in ("values", "items", "copy") or not expr.arguments:
                    base = expr.function.base if isinstance(expr.function, Attribute) else expr.function
                    added = self._entries(Subscript(base, Name("", 0), expr.line), frame)
                    return joined((value,), items([(None, added)])) if added else (value,)
                return (
                    self._subscript(Subscript(expr.function.base, expr.arguments[0], expr.line), frame)
                    if isinstance(expr.function, Attribute)
                    else ()
                )
            if isinstance(value, Known) and isinstance(value.value, str):
                return (
                    (value,)
                    if method
                    in (
                        "lower",
                        "upper",
                        "strip",
                        "format",
                        "rstrip",
                        "lstrip",
                        "resolve",
                        "absolute",
                        "open",
                        "read_text",
                        "read_bytes",
                        "as_posix",
                        "expanduser",
                    )
                    else ()
                )
        if method == "get" and len(expr.arguments) == 1 and all(isinstance(value, Request | ExternalObject) for value in held):
            asked = self.evaluate(expr.arguments[0], frame)
            if asked and all(isinstance(value, ClassValue) for value in asked):  # a container of dependencies
                return joined(*(self.called(value, _BARE, frame) for value in asked))
        if method == "get" and isinstance(expr.function, Attribute) and not held and expr.arguments:
            return self._entries(Subscript(expr.function.base, expr.arguments[0], expr.line), frame) or None
        return (REQUEST,) if any(isinstance(value, Request) for value in held) else None

    def called(self, value: Value, expr: Call, frame: Frame) -> Values:
        """What calling the value gives."""
        if isinstance(value, FunctionValue):
            arguments = [self.evaluate(part, frame) for part in expr.arguments]
            return self.returned(value, arguments, {word: self.evaluate(part, frame) for word, part in expr.keywords})
        if isinstance(value, ClassValue):
            return self._made(value, expr, frame)
        if isinstance(value, External):
            return self._external(value.name, expr, frame)
        if isinstance(value, Object):
            bound = self.method(value, "__call__")
            return self.called(bound, expr, frame) if bound else ()
        if isinstance(value, Items) and value.pairs and value.pairs[0][0] == _PROVIDED:
            return value.pairs[0][1]
        return (value,) if isinstance(value, Request) else ()

    def _made(self, value: ClassValue, expr: Call, frame: Frame) -> Values:
        plain = Object(value.path, value.index, value.parent)
        maker = self.method(plain, "__init__")
        if maker is None:
            external = [owner.name for owner in self.lineage(value) if isinstance(owner, External)]
            loaded = [self.load(name, expr, frame) for name in external]
            return joined((plain,), *loaded)
        arguments = [_handed_out(self.evaluate(part, frame)) for part in expr.arguments]
        words = {word: _handed_out(self.evaluate(part, frame)) for word, part in expr.keywords}
        made = self.bind(maker, arguments, words)
        return (Object(value.path, value.index, value.parent, made),)

    def bind(self, value: FunctionValue, arguments: Iterable[Values], words: dict[str, Values]) -> Frame:
        """The frame of a call."""
        module = self.source.module(value.path)
        if module is None:
            return self.frame(value.path, MODULE)
        parameters = module.function(value.index).parameters
        static = any(last_name(found) == "staticmethod" for found in module.function(value.index).decorators)
        given = list(arguments)
        if value.itself is not None and not static and module.function(value.index).owner >= 0:
            given.insert(0, (value.itself,))
        bound: dict[str, Values] = {}
        plain = [known for known in parameters if not known.star]
        for known, values in zip(plain, given, strict=False):
            if values:
                bound[known.name] = values
        names = {known.name for known in plain}
        bound.update({word: values for word, values in words.items() if word in names and values})
        rest = next((known.name for known in parameters if known.star == "**"), "")
        extra = tuple((word, values) for word, values in words.items() if word and word not in names and values)
        if rest and extra:
            bound[rest] = items(extra)
        itself = value.itself if isinstance(value.itself, Object) else None
        return self.frame(value.path, value.index, bindings=bound.items(), itself=itself, parent=value.parent)

    def returned(self, value: FunctionValue, arguments: Iterable[Values], words: dict[str, Values]) -> Values:
        """What a function of the repository returns or yields."""
        module = self.source.module(value.path)
        if module is None:
            return ()
        frame = self.bind(value, arguments, words)
        answers = (step for step in module.function(value.index).steps if step.kind in ("return", "yield"))
        known = joined(*(self.evaluate(step.value, frame) for step in answers if self.reached(step, frame, module)))
        return tuple(result for result in known if result != Known(None)) or known

    def reached(self, step: Step, frame: Frame, module: Module) -> bool:
        """False where the repository's constants and defaults rule the step out."""
        for block, arm in step.context:
            kind, test, _ = module.block(frame.index, block)
            if kind == "typing" and arm == 0:
                return False
            if kind == "if" and (verdict := self.truth(test, frame)) is not None and verdict != (arm == 0):
                return False
        return True

    def _external(self, name: str, expr: Call, frame: Frame) -> Values:
        first = self.evaluate(expr.arguments[0], frame) if expr.arguments else ()
        words = dict(expr.keywords)
        if name in _DEPENDS:
            return joined(
                *(self.called(value, _BARE, frame) for value in first if isinstance(value, FunctionValue | ClassValue | Object))
            )
        if name in _FILLED:
            return (REQUEST,)
        if name in _FIELDS:
            given = words.get("default", words.get("default_factory"))
            made = self.evaluate(given, frame) if given is not None else first
            return joined(
                *(
                    self.called(value, _BARE, frame) if isinstance(value, FunctionValue | ClassValue) else (value,)
                    for value in made
                )
            )
        if name.startswith(PROVIDERS):
            provided = Call(expr.function, expr.arguments[1:], expr.keywords, expr.line, expr.column, awaited=False)
            return items([(_PROVIDED, joined(*(self.called(value, provided, frame) for value in first)))])
        if name in (
            "open",
            "io.open",
            "codecs.open",
            "joblib.delayed",
            "functools.partial",
            "staticmethod",
            "classmethod",
            "functools.wraps",
            "asyncio.run",
            "iter",
            "next",
            "list",
            "tuple",
            "set",
            "sorted",
            "typing.cast",
        ):
            return joined(*(self.evaluate(part, frame) for part in expr.arguments[1:2])) if name == "typing.cast" else first
        if name in ("os.getenv", "os.environ.get", "decouple.config", "starlette.config.Config", "environs.Env", "environ.get"):
            default = words.get("default", expr.arguments[1] if len(expr.arguments) > 1 else None)
            told = self.evaluate(default, frame) if default is not None else (Known(None, soft=True, origin=NOWHERE),)
            return self._environment(texts(first), told)
        if name in ("int", "float", "bool"):
            return tuple(Known(_as_number(value.value), soft=value.soft) for value in first if isinstance(value, Known))
        if name in _PATHS or name.endswith(".joinpath"):
            return self._join(Join((Constant(""), *expr.arguments)), frame) if len(expr.arguments) > 1 else first
        if name == "getattr" and len(expr.arguments) >= 2:
            return self._getattr(expr, frame, first)
        if name in ("copy.copy", "copy.deepcopy"):
            return first
        if name in strings.BY_NAME:
            return joined(*(strings.object_named(text, frame.path, self) for text in texts(first)))
        return self._unfamiliar(name, expr, frame)

    def _unfamiliar(self, name: str, expr: Call, frame: Frame) -> Values:
        loaded = self.load(name, expr, frame)
        if loaded:
            return loaded
        # What wraps a model is still that model: DataParallel(model), HuggingFacePipeline(pipeline=pipe), torch.compile(model).
        wrapped = [self.evaluate(part, frame) for part in (*expr.arguments, *(part for _, part in expr.keywords))]
        trains = name.endswith("Trainer")  # what trains a model is not that model
        inner = tuple(
            value for value in joined(*wrapped) if isinstance(value, ModelValue) and value.role != "preprocessor" and not trains
        )
        site = Site(frame.path, expr.line, expr.column)
        data = self.settings.read(name, texts(joined(*wrapped[:1])), frame.path) or strings.read(name, frame.path, self)
        return joined(inner, data, (ExternalObject(name, site),))

    def _getattr(self, expr: Call, frame: Frame, first: Values) -> Values:
        names = texts(self.evaluate(expr.arguments[1], frame))
        found = joined(*(self.attribute(value, name) for value in first for name in names))
        if not names:  # any of the classes that the object lists
            found = joined(*(self._listed(value) for value in first if isinstance(value, Object)))
        return found or (self.evaluate(expr.arguments[2], frame) if len(expr.arguments) > 2 else ())

    def _listed(self, value: Object) -> Values:
        """The classes of the repository that a class holds as its attributes."""
        module = self.source.module(value.path)
        body = module.facts.classes[value.index].body if module else MODULE
        steps = [step for known in module.locals_of(body).values() for step in known] if module else []
        held = (self.evaluate(step.value, self.frame(value.path, body, parent=value.parent)) for step in steps)
        return tuple(known for known in joined(*held) if isinstance(known, ClassValue))

    def _environment(self, names: tuple[str, ...], default: Values) -> Values:
        set_to = joined(*(self.settings.variable(name) for name in names))
        return set_to or self._default(default)

    def _option(self, path: str, name: str) -> Values:
        """The default of `parser.add_argument("--name", default=…)` in the same file."""
        module = self.source.module(path)
        for index, _, call in module.calls() if module else ():
            if last_name(call.function) != "add_argument":
                continue
            flags = [part.value for part in call.arguments if isinstance(part, Constant) and isinstance(part.value, str)]
            words = dict(call.keywords)
            if name not in [flag.lstrip("-").replace("-", "_") for flag in flags]:
                continue
            action = words.get("action")
            if isinstance(action, Constant) and action.value in ("store_true", "store_false"):
                return (Known(action.value == "store_false", soft=True),)
            default = words.get("default")
            return self._default(self.evaluate(default, self.free_frame(path, index))) if default is not None else ()
        return ()

    # -- loads -----------------------------------------------------------------------------------------------------

    def load(self, name: str, expr: Call, frame: Frame) -> Values:
        """The model that a call of the catalogue brings in; () for any other call."""
        entry = self.catalog.loads.get(name)
        if entry is None:
            return ()
        words = dict(expr.keywords)
        if entry.constructor and not any(word in words for word in entry.constructor) and not expr.arguments:
            return ()
        identity = next((found for found in (_argument(expr, place) for place in entry.identity) if found is not None), None)
        values = self.evaluate(identity, frame) if identity is not None else ()
        named = texts(values)
        task = next((found for found in (_argument(expr, place) for place in entry.task) if found is not None), None)
        if not named and task is not None:
            named = tuple(f"pipeline:{text}" for text in texts(self.evaluate(task, frame)))
        return (
            ModelValue(
                site=self._receiver(expr, frame) or Site(frame.path, expr.line, expr.column),
                framework=entry.framework,
                kind=entry.kind,
                role=entry.role,  # type: ignore[arg-type]
                weight=entry.weight,
                names=named,
                several=entry.several,
                by_request=any(isinstance(value, Request) for value in values),
                from_parameter=self._from_parameter(identity, frame),
                holder=frame.index,
                helper=entry.helper,
                named_at=tuple(site for site in origins(values) if site != Site(frame.path, expr.line)),
            ),
        )

    def _receiver(self, expr: Call, frame: Frame) -> Site | None:
        """`model.load_model(path)`: the model is the object that was made before."""
        if not isinstance(expr.function, Attribute) or expr.function.name != "load_model":
            return None
        held = self.evaluate(expr.function.base, frame)
        return next(
            (
                value.site
                for value in held
                if isinstance(value, ExternalObject) and value.site.path == frame.path and value.site.line
            ),
            None,
        )

    def _from_parameter(self, identity: Expr | None, frame: Frame) -> bool:
        module = self.source.module(frame.path)
        names = {known.name for known in module.function(frame.index).parameters} if module else set()
        return isinstance(identity, Name) and identity.id in names


def _argument(call: Call, place: int | str) -> Expr | None:
    if isinstance(place, int):
        return call.arguments[place] if place < len(call.arguments) else None
    return next((value for word, value in call.keywords if word == place), None)


def _picked(items: Items, key: object) -> Values:
    return joined(*(values for known, values in items.pairs if known is not None and known == key))


def _handed_out(values: Values) -> Values:
    """A container gives what its providers make, not the providers."""
    if not any(isinstance(value, Items) and value.pairs and value.pairs[0][0] == _PROVIDED for value in values):
        return values
    return joined(*(value.pairs[0][1] if isinstance(value, Items) and value.pairs else (value,) for value in values))


def _elements(values: Values) -> Values:
    parts = [value.pairs for value in values if isinstance(value, Items)]
    inner = joined(*(held for pairs in parts for _, held in pairs))
    return inner or tuple(value for value in values if isinstance(value, Request | ModelValue))


def _unpacked(values: Values, target: Expr | None, name: str) -> Values:
    if not isinstance(target, Collection):
        return values
    place = next((index for index, part in enumerate(target.items) if last_name(part) == name), None)
    found = [_picked(value, place) for value in values if isinstance(value, Items)]
    return joined(*found) if any(found) else tuple(value for value in values if not isinstance(value, Known))


def _same_key(one: Expr, other: Expr) -> bool:
    constants = isinstance(one, Constant) and isinstance(other, Constant)
    return not constants or one == other


def _is_path(words: list[str]) -> bool:
    return words[:1] == [""]


def _is_on(value: str | int | float | bool | None) -> bool:
    return value.strip().lower() not in ("", "0", "false", "no", "off", "none") if isinstance(value, str) else bool(value)


def _as_number(value: str | int | float | bool | None) -> str | int | float | bool | None:
    try:
        return float(value) if isinstance(value, str) and "." in value else int(value) if isinstance(value, str) else value
    except ValueError:
        return value


_BARE = Call(Name("", 0), (), (), 0, 0, False)
_BUILTINS = frozenset(
    "open str int float bool list dict tuple set sorted next iter getattr setattr len map filter range zip "
    "enumerate print input super "
    "type object staticmethod classmethod property isinstance sum min max any all bytes".split()
)
_ANSWERS: dict[type, Callable[..., Values]] = {
    Name: Evaluator._name,
    Attribute: Evaluator._attribute,
    Subscript: Evaluator._subscript,
    Call: Evaluator._call,
    Collection: Evaluator._collection,
    Mapping: Evaluator._mapping,
    Comprehension: Evaluator._comprehension,
    Choice: Evaluator._choice,
    Logic: Evaluator._logic,
    Join: Evaluator._join,
    Function: Evaluator._function,
    Other: Evaluator._other,
}
