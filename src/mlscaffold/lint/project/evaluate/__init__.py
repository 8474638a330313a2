"""What an expression may stand for: names, attributes and calls followed through the repository, on demand.

Flow-insensitive (every assignment to a name counts), sensitive to the arguments of calls. Nothing is executed. A
question that comes back to itself has no answer; answers are cut at `values.MOST`. The Evaluator remembers; what a kind of
expression stands for is told by the file of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.deploy.process import Environment
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.evaluate import attributes, calls, choices, classes, containers, libraries, parameters, scopes
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.project.settings import Settings
from mlscaffold.lint.project.source import Module, Source
from mlscaffold.lint.project.values import Door, Frame, FunctionValue, Known, ModelValue, Object, Value, Values, joined
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Choice,
    Collection,
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
)

DEEPEST = 30  # nested questions
MOST_FRAMES = 24  # different arguments that a function is followed with; beyond it they are unknown
MOST_PER_DEPLOYABLE = 80_000  # questions (about two seconds): what is known until then has to do
MOST_PER_RUN = 4_000_000  # shared out evenly among the deployables, so that none depends on those before it
LEAST_PER_DEPLOYABLE = 25_000
MOST_QUESTIONS = 1500  # that one question may lead to


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
        self.silent = False  # True: nothing in the deployable can end in an event, so that there is no need to walk
        self._around: Environment = ()
        self.scope: tuple[str, ...] = ()  # the modules of the deployable at hand: where `app.state.x` may be set
        self.doors: dict[tuple[int, int, int], Door] = {}
        self.loading: dict[str, tuple[tuple[int, Call, str], ...]] = {}  # module -> its calls that load by their names alone
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._memory: dict[tuple[int | str, int], Values] = {}
        self._left = MOST_PER_DEPLOYABLE
        self._methods: dict[str, list[tuple[str, int, int]]] | None = None
        self.shelves: dict[tuple[object, ...], Values] = {}
        self.scope_set: frozenset[str] = frozenset()
        self.callers: dict[str, list[tuple[str, int, Call]]] | None = None
        self.decorated: dict[tuple[bool, str], list[tuple[int, str, int]]] | None = None
        self.set_entries: dict[str, list[tuple[str, int, Step, Expr]]] = {}
        self.set_attributes: dict[str, list[tuple[str, int, Step, Expr]]] = {}
        self._entered_with: dict[tuple[str, int], int] = {}
        self._scratch: dict[tuple[int, int], Values] = {}
        self._active: set[tuple[int, int]] = set()
        self.importing: set[tuple[str, str]] = set()
        self._cut = False
        self._spent = 0

    def enter(self, scope: tuple[str, ...], environment: Environment, *, questions: int) -> None:
        """Turn to another deployable: what was learnt of the one before may be wrong here, and must not be what decides."""
        self._left = questions
        if (scope, environment) == (self.scope, self._around):
            return  # two applications in the same modules
        self.scope = scope
        self._around = environment
        self.settings.enter(environment)
        self.scope_set = frozenset(scope)
        self.callers = None
        self.decorated = None
        self._methods = None
        self.shelves = {}
        self.set_attributes = {}
        self.set_entries = {}
        for path in scope:
            module = self.source.module(path)
            for name, assigned in module.attributes.items() if module else ():
                self.set_attributes.setdefault(name, []).extend(
                    (path, index, step, target) for index, step, target in assigned[:4]
                )
            for name, assigned in module.entries.items() if module else ():
                self.set_entries.setdefault(name, []).extend((path, index, step, target) for index, step, target in assigned[:6])
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

    def evaluate(self, expr: Expr, frame: Frame) -> Values:
        """What the expression may stand for in that frame; () when nothing is known."""
        if type(expr) is Constant:
            return (Known(expr.value),)
        key = (id(expr), id(frame))
        # A name stands for the same wherever it is written in a function.
        same: tuple[int | str, int] = (expr.id, id(frame)) if type(expr) is Name else key
        known = self._memory.get(same)
        if known is not None:
            return known
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
        answer = _ANSWERS.get(type(expr))
        try:
            values = answer(self, expr, frame) if answer else ()
        except RecursionError:  # names that lead around in a circle which nobody has thought of: nothing is known of them
            if len(self._active) > 1:
                raise
            values = ()
        finally:
            self._active.discard(key)
        # An answer that was cut short by a question above it holds only until that one is answered.
        if not self._cut or not self._active:
            self._memory[same] = values
        else:
            self._scratch[key] = values
        if not self._active:
            self._scratch.clear()
        self._cut = self._cut or outer
        return values

    def _function(self, expr: Function, frame: Frame) -> Values:
        return (FunctionValue(frame.path, expr.index, frame),)

    def _other(self, expr: Other, frame: Frame) -> Values:
        if len(expr.parts) > 1:
            held = [self.evaluate(part, frame) for part in expr.parts]
            chained = tuple(value for values in held for value in values if isinstance(value, ModelValue))
            return containers.together(held) or chained  # `prompt | model | parser` asks the model
        values = joined(*(self.evaluate(part, frame) for part in expr.parts))
        return tuple(value for value in values if not isinstance(value, Known))

    # what each kind of expression stands for: a file each
    name = scopes.name
    assigned = scopes.assigned
    imported = scopes.imported
    member = scopes.member

    unbound = parameters.unbound
    calls_of = parameters.calls_of
    annotated = parameters.annotated
    alias = parameters.alias

    attribute = attributes.attribute

    inherited = classes.inherited
    of_object = classes.of_object
    of_class = classes.of_class
    lineage = classes.lineage
    is_network = classes.is_network
    method = classes.method
    is_property = classes.is_property

    subscript = containers.subscript
    entries = containers.entries
    inside = containers.inside

    truth = choices.truth

    called = calls.called
    bind = calls.bind
    returned = calls.returned
    reached = calls.reached

    external = libraries.external
    environment = libraries.environment
    option = libraries.option
    load = libraries.load


_ANSWERS: dict[type, Callable[..., Values]] = {
    Name: scopes.of_name,
    Attribute: attributes.of_attribute,
    Subscript: containers.subscript,
    Call: calls.of_call,
    Collection: containers.of_collection,
    Mapping: containers.of_mapping,
    Comprehension: containers.of_comprehension,
    Choice: choices.of_choice,
    Logic: choices.of_logic,
    Join: libraries.of_join,
    Function: Evaluator._function,
    Other: Evaluator._other,
}
