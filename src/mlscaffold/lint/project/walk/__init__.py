"""What really happens when a function runs: its calls, followed through the repository, and the events that they end in."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import replace
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.events import ONE_PLACE, Event, EventKind, Spot, State, stronger
from mlscaffold.lint.project.guards import outlives
from mlscaffold.lint.project.rows import times
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import External, ExternalObject, Frame, FunctionValue, Known, ModelValue, Object, Site
from mlscaffold.lint.project.walk import blocks, decorators, follow, models, outside, spots, wiring
from mlscaffold.lint.project.words import LISTENS, TASKS
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Choice,
    Collection,
    Comprehension,
    Constant,
    Expr,
    Function,
    Logic,
    Mapping,
    Name,
    Subscript,
    children,
    dotted,
)

MOST_VISITS = 2500  # functions per root: beyond it a handler is too wide to be one
DEEPEST = 40  # spots on the way
_LEAVES = frozenset((Name, Constant, Function))  # nothing happens where one of them is read
_RUNS = {"with": ("__enter__", "__aenter__"), "for": ("__iter__", "__aiter__")}  # methods that a statement runs


class Walker:
    """Walks from one root (a module, a start-up hook, a handler) and gathers events."""

    def __init__(self, evaluator: Evaluator, *, main: str = "") -> None:
        self.evaluator = evaluator
        self.main = main  # the module that runs as `__main__`
        self.events: list[Event] = []
        self.fresh: set[Object] = set()  # made in the request at hand: what they keep is gone with it
        self.filling: set[tuple[str, int]] = set()  # the records whose fields are being made
        self._seen: set[tuple[int, State]] = set()
        self._visits = 0

    def visit(self, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """Everything that the function of a frame does."""
        module = self.evaluator.source.module(frame.path)
        key = (id(frame), replace(state, words=(), arms=(), keeper=None))
        if module is None or self.evaluator.silent or key in self._seen or self._visits >= MOST_VISITS or len(trail) > DEEPEST:
            return
        self._seen.add(key)
        self._visits += 1
        function = module.function(frame.index)
        for parameter in function.parameters:
            if parameter.default is not None and frame.bound(parameter.name) is None:
                self.depends(parameter.default, frame, state, trail, told=parameter.annotation)
            if parameter.annotation is not None:
                self.depends(parameter.annotation, frame, state, trail)
        if any(last_name(part.function if isinstance(part, Call) else part) == "inject" for part in function.decorators):
            self.injected(frame, module, state, trail)
        # Steps of one block share what is around them.
        inside: dict[tuple[tuple[int, int], ...], blocks.Around] = {(): (state, trail)}
        for step in function.steps:
            if step.context not in inside:
                inside[step.context] = self.around(step, frame, module, inside)
            within, way = inside[step.context]
            if within is not None:
                self._step(step, frame, module, within, way)
        self._definitions(frame, module, state, trail)

    def _definitions(self, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        """What runs where functions and classes are defined: defaults, decorators of classes, their bodies."""
        for index in module.nested.get(frame.index, {}).values():
            for parameter in module.function(index).parameters:
                if isinstance(parameter.default, Call):  # made once, where the function is defined
                    self.expression(parameter.default, frame, state, trail)
            self._listening(index, frame, module, state, trail)
        for index in module.classes_in.get(frame.index, {}).values():
            for decorator in module.facts.classes[index].decorators:
                self.expression(decorator, frame, state, trail)
            body = module.facts.classes[index].body
            self.visit(self.evaluator.frame(frame.path, body, parent=frame), state, trail)

    def _listening(self, index: int, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        """`@room.on("track")` in a function: what an object of a library calls later, on the same loop."""
        for decorator in module.function(index).decorators:
            target = decorator.function if isinstance(decorator, Call) else None
            if frame.index == MODULE or not isinstance(target, Attribute) or target.name not in LISTENS:
                continue
            if any(isinstance(value, ExternalObject | External) for value in self.evaluator.evaluate(target.base, frame)):
                heard = Call(decorator, (), (), module.function(index).line, 1, awaited=False)
                self.call_value(FunctionValue(frame.path, index, frame), heard, frame, replace(state, queued=True), trail)

    def _step(self, step: Step, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        if step.kind == "import":
            self._import(step, frame, module, state, trail)
            return
        said = tuple(_words_of(step.target))
        words = (*state.words, *said)[-6:] if said else state.words
        if step.kind == "assign" and state.moment == "per-request" and not state.kept:
            words += ("<stored>",) * _is_kept_place(step.target, frame, module)
        if step.kind == "assign":
            words += (ONE_PLACE,) * _is_one_place(step.target, frame, module)
        if words != state.words:
            state = replace(state, words=words)
        if isinstance(step.value, Call) and isinstance(step.target, Name) and step.target.id in module.streamed(frame.index):
            state = replace(state, stream=True, pulled=True)
        kept_in = tuple(spots.kept_in(step, frame, module))
        self.expression(step.value, frame, state, (*trail, *kept_in))
        if step.kind in _RUNS:
            self._run_by(step, frame, state, trail)

    def _run_by(self, step: Step, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """What a `with` or a loop runs on the object that it is given."""
        expr, line = step.value, step.line
        for value in self.evaluator.evaluate(expr, frame):
            bound = next((bound for name in _RUNS[step.kind] if (bound := self.evaluator.method(value, name))), None)
            if bound is not None:
                self.call_value(bound, Call(expr, (), (), line, 1, False), frame, state, trail)

    def _import(self, step: Step, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        if frame.index == MODULE or not isinstance(step.value, Constant):
            return  # the modules that a module imports are walked on their own
        known = module.facts.imports[int(str(step.value.value))]
        path = self.evaluator.imports.resolve(module.path, known.module, known.level)
        paths = [path, self.evaluator.imports.member(path, known.name) if path and known.name else None]
        for found in paths:
            if found and not found.endswith("/"):
                note = Spot(module.path, known.line, f"imports {found}")
                lazy = replace(state, moment="lazy", kept=True) if state.moment == "per-request" else state
                self.visit(self.evaluator.frame(found, MODULE), lazy, (*trail, note))

    def expression(self, expr: Expr, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """Every call inside an expression, in the order of evaluation."""
        if isinstance(expr, Call):
            self._call(expr, frame, state, trail)
            return
        if isinstance(expr, Comprehension):
            self.expression(expr.iterable, frame, state, trail)
            rows = times(expr.iterable, frame, self.evaluator)
            numbered = blocks.is_numbered(expr.target, (*expr.element, *expr.conditions), expr.iterable)
            extent = self.extent(expr.iterable, frame, state)
            repeat = stronger(state.repeat, stronger("numbered" if numbered else "", extent))
            inner = replace(state, repeat=repeat, rows=max(state.rows, 1) * rows or state.rows)
            within = self.evaluator.inside(expr, frame)
            for part in (*expr.conditions, *expr.element):
                self.expression(part, within, inner, trail)
            return
        if isinstance(expr, Choice):
            self._choice(expr, frame, state, trail)
            return
        if isinstance(expr, Logic) and expr.operator == "or" and self._is_there(expr.values[0], frame):
            state = replace(state, kept=True)  # `model = model or load()`
        if isinstance(expr, Mapping) and (first := _first_of_table(expr)) is not None:
            state = replace(state, table=Site(frame.path, first.line, first.column))
        if isinstance(expr, Attribute):
            self._property(expr, frame, state, trail)
        if isinstance(expr, Subscript) and any(isinstance(value, Object) for value in self.evaluator.evaluate(expr.base, frame)):
            self._dunder(expr, "__getitem__", frame, state, trail)
            keyed = state.keyed or blocks.asks_request(self, expr.index, frame)
            self._dunder(expr, "__missing__", frame, replace(state, kept=True, keyed=keyed), trail)
        for part in children(expr):
            if type(part) not in _LEAVES:
                self.expression(part, frame, state, trail)

    def _is_there(self, expr: Expr, frame: Frame) -> bool:
        """Whether a place that outlives the call may hold what else is made."""
        module = self.evaluator.source.module(frame.path)
        return module is not None and isinstance(expr, Name | Attribute) and outlives(expr, frame, module)

    def _choice(self, expr: Choice, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """`a if test else b`: where a setting chooses, one of the two; else alternatives, unless a request asks for either."""
        verdict = self.evaluator.truth(expr.test, frame)
        if verdict is not None:
            self.expression(expr.body if verdict else expr.other, frame, state, trail)
            return
        self.expression(expr.test, frame, state, trail)
        place = f"{frame.path}:{frame.index}:{id(expr)}:{id(frame)}"
        asked = blocks.asks_request(self, expr.test, frame)
        for arm, part in enumerate((expr.body, expr.other)):
            self.expression(part, frame, state if asked else replace(state, arms=(*state.arms, (place, arm))), trail)

    def _dunder(self, expr: Subscript, name: str, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        for value in self.evaluator.evaluate(expr.base, frame):
            bound = self.evaluator.method(value, name)
            if bound is not None:
                self.call_value(bound, Call(expr.base, (expr.index,), (), expr.line, 1, False), frame, state, trail)

    def _property(self, expr: Attribute, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        for value in self.evaluator.evaluate(expr.base, frame):
            bound = self.evaluator.method(value, expr.name)
            if bound is None and (handing := self.evaluator.method(value, "__getattr__")) is not None:
                asked = Constant(expr.name)
                self.call_value(handing, Call(expr, (asked,), (), expr.line, 1, False), frame, state, trail)
            if bound is not None and self.evaluator.is_property(bound):
                self.call_value(bound, Call(expr, (), (), expr.line, 1, False), frame, state, trail)

    def _call(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        function = call.function
        values = self.evaluator.evaluate(function, frame)
        meaning = self.meaning(call, values, frame)
        inner = state
        if meaning in ("offload", "queue", "stream"):
            self.hand_over(call, meaning, frame, state, trail)
            if meaning == "stream":
                inner = replace(state, stream=True, pulled=True)
        elif meaning == "applied":
            follow.applied(self, call, frame, state, trail)
        elif self.streams(call, values, frame):
            inner = replace(state, stream=True, pulled=True)
        if last_name(function) in TASKS and not follow.awaits(call, frame, self.evaluator):
            inner = replace(state, queued=True)
        if last_name(function) == "run_coroutine_threadsafe":  # on the loop of another thread
            inner = replace(state, loop=False, aside=True)
        if isinstance(function, Attribute):
            self.expression(function.base, frame, state, trail)
            self._property(function, frame, state, trail)
        elif not isinstance(function, Name):
            self.expression(function, frame, state, trail)
        for part in (*call.arguments, *(value for _, value in call.keywords)):
            self.expression(part, frame, self._argument_state(call, inner), trail)
        for value, chosen in follow.dispatched(values, call, frame, state):
            self.call_value(value, call, frame, chosen, trail)
        self.from_container(call, frame, state, trail)
        self.method_call(call, values, frame, state, trail)
        if last_name(function) in ("load_state_dict", "set_state_dict", "load_params"):
            self.weights(call, frame, state, trail)

    def _argument_state(self, call: Call, state: State) -> State:
        # `model.load_state_dict(torch.load(path))`: what is loaded inside is the model's weights.
        return (
            replace(state, words=(*state.words, "<weights>"))
            if last_name(call.function) in ("load_state_dict", "ParseFromString")
            else state
        )

    def event(
        self,
        kind: EventKind,
        call: Call,
        frame: Frame,
        state: State,
        trail: tuple[Spot, ...],
        *,
        name: str,
        model: ModelValue | None = None,
        guessed: bool = False,
        timeout: float | None = None,
        parts: frozenset[Site] = frozenset(),
    ) -> None:
        """Note what a call ends in."""
        feeds = frozenset(part.id for argument in call.arguments for part in (argument,) if isinstance(part, Name))
        site = Site(frame.path, call.line, call.column)
        if kind in ("load", "train"):
            trail = (*trail, *self.holders(frame))
        if kind == "predict" and call.awaited:  # an asynchronous library: it computes elsewhere
            state = replace(state, loop=False, aside=True)
        self.events.append(Event(kind, site, name, state, trail, model, guessed, timeout, feeds, parts, _variant(frame)))

    # what a step meets, by topic: a file each
    around = blocks.around
    extent = blocks.extent

    decorated = decorators.decorated
    wrapped = decorators.wrapped

    injected = wiring.injected
    depends = wiring.depends
    from_container = wiring.from_container
    provided = wiring.provided

    hand_over = follow.hand_over
    meaning = follow.meaning
    streams = follow.streams
    call_value = follow.call_value
    is_async = follow.is_async
    by_name = follow.by_name

    weights = models.weights
    load = models.load
    method_call = models.method_call
    predict_by_type = models.predict_by_type
    predict = models.predict

    external = outside.external

    holders = spots.holders


def _variant(frame: Frame) -> tuple[str, ...]:
    """The constants that a function was called with: what tells two uses of one helper apart."""
    return tuple(
        str(value.value)
        for _, values in frame.bindings
        for value in values
        if isinstance(value, Known) and isinstance(value.value, str)
    )


def _first_of_table(expr: Mapping) -> Call | None:
    """The first entry of a dict display whose entries are all calls of one function."""
    calls = [value for _, value in expr.pairs if isinstance(value, Call)]
    alike = len(calls) == len(expr.pairs) and len({dotted(call.function) for call in calls}) == 1
    return calls[0] if alike and len(calls) > 1 else None


def _words_of(target: Expr | None) -> Iterator[str]:
    if isinstance(target, Name | Attribute):
        yield last_name(target)
    elif isinstance(target, Subscript):
        yield last_name(target.base)
        if isinstance(target.index, Constant) and isinstance(target.index.value, str):
            yield target.index.value
    elif isinstance(target, Collection):
        for part in target.items:
            yield from _words_of(part)


def _is_one_place(target: Expr | None, frame: Frame, module: Module) -> bool:
    """Whether what is put there takes the place of what was there: a field, set after its object was made, or a global."""
    function = module.function(frame.index)
    if isinstance(target, Name):
        return target.id in function.shared
    return isinstance(target, Attribute) and function.name not in ("__init__", "__new__")


def _is_kept_place(target: Expr | None, frame: Frame, module: Module) -> bool:
    if isinstance(target, Name):
        return target.id in module.function(frame.index).shared
    return isinstance(target, Attribute) and not dotted(target).startswith("self.")
