"""What really happens when a function runs: its calls, followed through the repository, and the events that they end in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mlscaffold.light import replace
from mlscaffold.lint.facts import MODULE, Block, FunctionFacts, Step
from mlscaffold.lint.project.evaluate import PROVIDERS, Evaluator
from mlscaffold.lint.project.events import Event, EventKind, Repeat, Spot, State, stronger
from mlscaffold.lint.project.guards import keeps, keys
from mlscaffold.lint.project.roles import prepares
from mlscaffold.lint.project.rows import times
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import (
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
    is_unset,
    origins,
)
from mlscaffold.lint.project.words import (
    GUESSED,
    LISTINGS,
    MODEL_BASES,
    THROUGH,
    TOO_COMMON,
    TRAINS,
    TRANSPARENT,
    WAITING,
    sounds_like_model,
    sounds_trainable,
)
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Collection,
    Compare,
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
    names_in,
    walk,
)

MOST_VISITS = 2500  # functions per root: beyond it a handler is too wide to be one
MOST_KINDS = 8  # implementations of one interface that a call may mean
DEEPEST = 40  # spots on the way
MOST_CANDIDATES = 3  # classes with a method of that name: beyond it the name says nothing


class Walker:
    """Walks from one root (a module, a start-up hook, a handler) and gathers events."""

    def __init__(self, evaluator: Evaluator, *, main: str = "") -> None:
        self.evaluator = evaluator
        self.main = main  # the module that runs as `__main__`
        self.events: list[Event] = []
        self._seen: set[tuple[int, State]] = set()
        self._visits = 0

    # -- functions -------------------------------------------------------------------------------------------------

    def visit(self, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """Everything that the function of a frame does."""
        module = self.evaluator.source.module(frame.path)
        key = (id(frame), replace(state, words=(), arms=()))
        if module is None or self.evaluator.silent or key in self._seen or self._visits >= MOST_VISITS or len(trail) > DEEPEST:
            return
        self._seen.add(key)
        self._visits += 1
        function = module.function(frame.index)
        for parameter in function.parameters:
            if parameter.default is not None and frame.bound(parameter.name) is None:
                self._depends(parameter.default, frame, state, trail)
            if parameter.annotation is not None:
                self._depends(parameter.annotation, frame, state, trail)
        if any(last_name(part.function if isinstance(part, Call) else part) == "inject" for part in function.decorators):
            self._injected(frame, module, state, trail)
        inside: dict[tuple[tuple[int, int], ...], State | None] = {(): state}  # steps of one block share what is around them
        for step in function.steps:
            if step.context not in inside:
                inside[step.context] = self._within(step, frame, module, state)
            within = inside[step.context]
            if within is not None:
                self._step(step, frame, module, within, (*trail, *self._blocks(step, frame, module)))
        for index in module.classes_in.get(frame.index, {}).values():
            body = module.facts.classes[index].body
            self.visit(self.evaluator.frame(frame.path, body, parent=frame), state, trail)

    def _injected(self, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        """`@inject`: a container makes the objects of the annotated classes, once."""
        kept = replace(state, kept=True)
        for parameter in module.function(frame.index).parameters:
            if parameter.annotation is None or frame.bound(parameter.name) is not None:
                continue
            for value in self.evaluator.evaluate(parameter.annotation, frame.parent or frame):
                if isinstance(value, ClassValue):
                    self.call_value(
                        value, Call(parameter.annotation, (), (), module.function(frame.index).line, 1, False), frame, kept, trail
                    )

    def _depends(self, expr: Expr, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """`= Depends(f)` and `Annotated[T, Depends(f)]`: the framework calls `f` for each request."""
        outer = frame.parent or frame
        alias = self.evaluator.alias(expr, outer)
        waiting = [alias[0] if alias else expr]
        outer = alias[1] if alias else outer
        while waiting:
            part = waiting.pop()
            waiting += children(part)
            if not isinstance(part, Call) or last_name(part.function) not in ("Depends", "Security", "Provide"):
                continue
            for value in self.evaluator.evaluate(part.arguments[0], outer) if part.arguments else ():
                plain = isinstance(value, FunctionValue) and not self._is_async(value)
                within = replace(state, loop=False) if plain else state
                self.call_value(value, Call(part.arguments[0], (), (), part.line, part.column, False), outer, within, trail)

    def _within(self, step: Step, frame: Frame, module: Module, state: State) -> State | None:
        """The state inside the blocks around a step; None where it does not run."""
        for block, arm in step.context:
            known = module.block(frame.index, block)
            if known.kind == "typing" and arm == 0:
                return None
            if known.kind == "main" and arm == 0 and frame.path != self.main:
                return None
            if known.kind in ("if", "match", "try"):
                entered = self._armed(known, block, arm, frame, module, state)
                if entered is None:
                    return None
                state = entered
            elif known.kind in ("for", "while"):
                rows = times(known.test, frame, self.evaluator) if known.kind == "for" else 0
                state = replace(state, repeat=self._repeat(known, frame, state), rows=max(state.rows, 1) * rows or state.rows)
        return state

    def _blocks(self, step: Step, frame: Frame, module: Module) -> Iterator[Spot]:
        """What repeats a step, and the settings that let it run."""
        for index, _ in step.context:
            block = module.block(frame.index, index)
            if block.kind in ("for", "while"):
                yield Spot(frame.path, block.line, "in this loop", passed=True)
                if block.kind == "for" and (line := self._listed_at(block.test, frame)):
                    yield Spot(frame.path, line, "what it goes through is listed here", passed=True)
            elif block.kind in ("if", "match") and self.evaluator.truth(block.test, frame) is not None:
                yield Spot(frame.path, block.line, "a setting decides here", passed=True)
                yield from (
                    Spot(site.path, site.line, "the setting", passed=True)
                    for part in (block.test, *children(block.test))
                    for site in origins(self.evaluator.evaluate(part, frame))
                )

    def _armed(self, block: Block, index: int, arm: int, frame: Frame, module: Module, state: State) -> State | None:
        key = (id(frame), index, arm)
        known = self.evaluator.doors.get(key)
        if known is None:
            known = self.evaluator.doors[key] = self._door(block, arm, frame, module)
        if not known.opens:
            return None
        if known.keeps:
            state = replace(state, kept=True, keyed=state.keyed or known.keyed)
        if known.off:
            state = replace(state, guessed=True)
        # What the request chooses is no alternative: each choice is served sooner or later.
        if known.asked:
            return state
        return replace(state, arms=(*state.arms, (f"{frame.path}:{frame.index}:{index}:{id(frame)}", arm)))

    def _door(self, block: Block, arm: int, frame: Frame, module: Module) -> Door:
        """What does not depend on the way that led here."""
        verdict = self.evaluator.truth(block.test, frame) if block.kind == "if" else None
        if verdict is not None and verdict != (arm == 0):
            return Door(opens=False)
        kept = block.kind == "if" and bool(keeps(block.test, arm, frame, module))
        keyed = kept and any(
            isinstance(value, Request)
            for part in keys(block.test, frame, module)
            for value in self.evaluator.evaluate(part, frame)
        )
        off = block.kind == "if" and arm == 0 and self._is_off(block.test, frame)
        return Door(opens=True, keeps=kept, keyed=keyed, asked=self._asks_request(block.test, frame), off=off)

    def _is_off(self, test: Expr, frame: Frame) -> bool:
        """Whether a block runs only where somebody sets a variable of the environment that the repository leaves unset."""
        if isinstance(test, Logic):
            return test.operator == "and" and any(self._is_off(part, frame) for part in test.values)
        if isinstance(test, Compare):
            asks = test.operator in ("is not", "!=") and isinstance(test.right, Constant) and not test.right.value
            return asks and self._is_off(test.left, frame)
        return isinstance(test, Name | Attribute | Call) and is_unset(self.evaluator.evaluate(test, frame))

    def _lists(self, expr: Expr, frame: Frame) -> bool:
        """Whether something goes through the files of a folder, the pages of a document, the rows of a table."""
        module = self.evaluator.source.module(frame.path)
        names = module.locals_of(frame.index) if module is not None else {}
        seen: set[str] = set()
        waiting = [expr]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Call):
                called = last_name(part.function)
                if called in LISTINGS:
                    return True
                waiting += part.arguments if called in THROUGH else ()
            elif isinstance(part, Comprehension):
                waiting.append(part.iterable)
            elif isinstance(part, Subscript):
                waiting.append(part.base)
            elif isinstance(part, Name) and part.id not in seen:
                seen.add(part.id)
                waiting += (step.value for step in names.get(part.id, ()))
        return False

    def _listed_at(self, expr: Expr, frame: Frame) -> int:
        """The line before the loop that lists the files, pages or rows that it goes through; 0 where none does."""
        module = self.evaluator.source.module(frame.path)
        known = module.locals_of(frame.index) if module is not None else {}
        waiting, seen = [expr], set[str]()
        while waiting:
            for name in sorted(names_in(waiting.pop()) - seen):
                seen.add(name)
                for step in known.get(name, ()):
                    if any(isinstance(part, Call) and last_name(part.function) in LISTINGS for part in walk(step.value)):
                        return step.line
                    waiting.append(step.value)
        return 0

    def _asks_request(self, test: Expr, frame: Frame) -> bool:
        waiting = [test]
        while waiting:
            part = waiting.pop()
            waiting += children(part)
            if isinstance(part, Name | Attribute) and any(
                isinstance(value, Request) for value in self.evaluator.evaluate(part, frame)
            ):
                return True
        return False

    def _repeat(self, block: Block, frame: Frame, state: State) -> Repeat:
        if block.kind == "while":
            return state.repeat or ("endless" if isinstance(block.test, Constant) else "fixed")
        return stronger(state.repeat, self._extent(block.test, frame, state))

    def _extent(self, iterable: Expr, frame: Frame, state: State) -> Repeat:
        if state.moment == "per-request" and self._lists(iterable, frame):
            return "files"
        values = self.evaluator.evaluate(iterable, frame)
        if any(isinstance(value, Request) for value in values) or self._asks_request(iterable, frame):
            return "request"
        held = [value for value in values if isinstance(value, Items)]
        if held and any(_is_one(value) for value in held):
            return ""
        if isinstance(iterable, Call) and last_name(iterable.function) == "range":
            return ""
        return "config"

    # -- steps and calls -------------------------------------------------------------------------------------------

    def _step(self, step: Step, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
        if step.kind == "import":
            self._import(step, frame, module, state, trail)
            return
        words = tuple(_words_of(step.target))
        if words:
            state = replace(state, words=(*state.words, *words)[-6:])
        if (
            step.kind == "assign"
            and _is_kept_place(step.target, frame, module)
            and state.moment == "per-request"
            and not state.kept
        ):
            state = replace(state, words=(*state.words, "<stored>"))
        kept_in = tuple(self._kept_in(step, frame, module))
        self.expression(step.value, frame, state, (*trail, *kept_in))
        if step.kind == "with":
            self._opened(step.value, frame, state, trail)

    def _kept_in(self, step: Step, frame: Frame, module: Module) -> Iterator[Spot]:
        """Where a step, or one after it, puts what it makes: `x = load(name)`, `cache[name] = x`."""
        if isinstance(step.target, Subscript):
            yield from self._container(step, frame, module)
        if step.kind != "assign" or not isinstance(step.target, Name) or not isinstance(step.value, Call):
            return
        for other in module.function(frame.index).steps:
            if isinstance(other.target, Subscript) and isinstance(other.value, Name) and other.value.id == step.target.id:
                yield Spot(frame.path, other.line, "kept here", passed=True)
                yield from self._container(other, frame, module)

    def _container(self, step: Step, frame: Frame, module: Module) -> Iterator[Spot]:
        """Where the mapping is made that a step puts something into."""
        base = step.target.base if isinstance(step.target, Subscript) else None
        name = base.id if isinstance(base, Name) else ""
        scope: Frame | None = frame if name else None
        lines: list[int] = []
        while scope is not None and not lines:
            lines = [known.line for known in module.locals_of(scope.index).get(name, ())]
            scope = scope.parent
        if isinstance(base, Attribute):
            lines = [known.line for _, known, target in module.attributes.get(base.name, ()) if isinstance(target, Attribute)]
        if lines:
            yield Spot(module.path, lines[0], f"kept in {last_name(base) if base else ''}", passed=True)

    def _opened(self, expr: Expr, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """What a `with` runs on the object that it is given."""
        line = expr.line if isinstance(expr, Call | Name | Attribute) else 0
        for value in self.evaluator.evaluate(expr, frame):
            bound = self.evaluator.method(value, "__enter__") or self.evaluator.method(value, "__aenter__")
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
            repeat = stronger(state.repeat, self._extent(expr.iterable, frame, state))
            inner = replace(state, repeat=repeat, rows=max(state.rows, 1) * rows or state.rows)
            within = self.evaluator.inside(expr, frame)
            for part in (*expr.conditions, *expr.element):
                self.expression(part, within, inner, trail)
            return
        if isinstance(expr, Mapping) and (first := _first_of_table(expr)) is not None:
            state = replace(state, table=Site(frame.path, first.line, first.column))
        if isinstance(expr, Attribute):
            self._property(expr, frame, state, trail)
        if isinstance(expr, Subscript) and any(isinstance(value, Object) for value in self.evaluator.evaluate(expr.base, frame)):
            self._dunder(expr, "__getitem__", frame, state, trail)
        for part in children(expr):
            self.expression(part, frame, state, trail)

    def _dunder(self, expr: Subscript, name: str, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        for value in self.evaluator.evaluate(expr.base, frame):
            bound = self.evaluator.method(value, name)
            if bound is not None:
                self.call_value(bound, Call(expr.base, (expr.index,), (), expr.line, 1, False), frame, state, trail)

    def _property(self, expr: Attribute, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        for value in self.evaluator.evaluate(expr.base, frame):
            bound = self.evaluator.method(value, expr.name)
            if bound is not None and self.evaluator._is_property(bound):
                self.call_value(bound, Call(expr, (), (), expr.line, 1, False), frame, state, trail)

    def _call(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        function = call.function
        values = self.evaluator.evaluate(function, frame)
        meaning = self._meaning(call, values, frame)
        inner = state
        if meaning in ("offload", "queue", "stream"):
            self._hand_over(call, meaning, frame, state, trail)
            if meaning == "stream":
                inner = replace(state, stream=True)
        elif self._streams(call, values, frame):
            inner = replace(state, stream=True)
        if last_name(function) in ("create_task", "ensure_future", "spawn_callback", "call_later"):
            inner = replace(state, queued=True)
        if isinstance(function, Attribute):
            self.expression(function.base, frame, state, trail)
        elif not isinstance(function, Name):
            self.expression(function, frame, state, trail)
        for part in (*call.arguments, *(value for _, value in call.keywords)):
            self.expression(part, frame, self._argument_state(call, inner), trail)
        for value, chosen in self._dispatched(values, call, frame, state):
            self.call_value(value, call, frame, chosen, trail)
        self._from_container(call, frame, state, trail)
        self._method_call(call, values, frame, state, trail)
        if last_name(function) in ("load_state_dict", "set_state_dict", "load_params"):
            self._weights(call, frame, state, trail)

    def _from_container(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """`container.get(Class)` makes the object, once."""
        if last_name(call.function) != "get" or len(call.arguments) != 1 or isinstance(call.arguments[0], Constant):
            return
        for value in self.evaluator.evaluate(call.arguments[0], frame):
            if isinstance(value, ClassValue):
                made = Call(call.function, (), (), call.line, call.column, awaited=False)
                self.call_value(value, made, frame, replace(state, kept=True), trail)

    def _dispatched(self, values: Values, call: Call, frame: Frame, state: State) -> Iterator[tuple[Value, State]]:
        """One variable holds one object: what a call may reach through it are alternatives, unless a loop or a request
        goes through them."""
        several = [value for value in values if isinstance(value, FunctionValue | ClassValue)]
        exclusive = len(several) > 1 and state.moment in ("module", "startup") and not state.repeat
        for arm, value in enumerate(values):
            place = (f"{frame.path}:{call.line}:{call.column}:{id(frame)}", arm)
            yield value, replace(state, arms=(*state.arms, place)) if exclusive else state

    def _weights(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """What is given to `load_state_dict` holds the weights of a model."""
        held = self.evaluator.evaluate(call.function.base, frame) if isinstance(call.function, Attribute) else ()
        loaded = next((value for value in held if isinstance(value, ModelValue)), None)
        for part in (*call.arguments, *(value for _, value in call.keywords)):
            for value in self.evaluator.evaluate(part, frame):
                if isinstance(value, ModelValue) and loaded is not None and loaded.site != value.site:
                    # What a library built takes the weights of a file: they are its own from then on.
                    self._event("weights", call, frame, state, trail, name="", model=loaded, parts=frozenset((value.site,)))
                elif isinstance(value, ModelValue):
                    parts = frozenset(self._inside(call, frame)) - {value.site}
                    self._event("weights", call, frame, state, trail, name="load_state_dict", model=value, parts=parts)

    def _inside(self, call: Call, frame: Frame) -> Iterator[Site]:
        """The models that the network whose weights are loaded was built from: its members, what its constructor was given."""
        held = self.evaluator.evaluate(call.function.base, frame) if isinstance(call.function, Attribute) else ()
        for value in held:
            if not isinstance(value, Object):
                continue
            for _, given in value.frame.bindings if value.frame else ():
                yield from (part.site for part in given if isinstance(part, ModelValue))
            module = self.evaluator.source.module(value.path)
            for method, index in module.facts.classes[value.index].methods if module else ():
                for event in self.events if method else ():
                    if event.kind == "load" and event.model and event.model.holder == index and event.site.path == value.path:
                        yield event.model.site

    def _argument_state(self, call: Call, state: State) -> State:
        # `model.load_state_dict(torch.load(path))`: what is loaded inside is the model's weights.
        return (
            replace(state, words=(*state.words, "<weights>"))
            if last_name(call.function) in ("load_state_dict", "ParseFromString")
            else state
        )

    def _meaning(self, call: Call, values: Values, frame: Frame) -> str:
        for value in values:
            if isinstance(value, External | ExternalObject) and (meaning := self.evaluator.catalog.meanings.get(value.name)):
                return meaning
        known = any(isinstance(value, FunctionValue | ClassValue) for value in values)
        name = last_name(call.function)
        if name == "map" and any(
            isinstance(value, External) and value.name.endswith(("Executor.map", "Pool.map")) for value in values
        ):
            return "offload"
        meaning = self.evaluator.catalog.methods.get(name, "")
        if not isinstance(call.function, Attribute) or known or meaning not in ("offload", "queue"):
            return ""
        # Work that is submitted and then waited for is no queue.
        return "offload" if name == "submit" and self._waits(frame) else meaning

    def _waits(self, frame: Frame) -> bool:
        module = self.evaluator.source.module(frame.path)
        steps = module.function(frame.index).steps if module else ()
        return any(not WAITING.isdisjoint(names_in(step.value)) for step in steps)

    def _streams(self, call: Call, values: Values, frame: Frame) -> bool:
        """A response made from a generator."""
        if not any(isinstance(value, External) for value in values) or "Response" not in last_name(call.function):
            return False
        for part in (*call.arguments, *(value for _, value in call.keywords)):
            inner = part.function if isinstance(part, Call) else part
            for value in self.evaluator.evaluate(inner, frame) if isinstance(inner, Name | Attribute) else ():
                module = self.evaluator.source.module(value.path) if isinstance(value, FunctionValue) else None
                if module and isinstance(value, FunctionValue) and module.function(value.index).is_generator:
                    return True
        return False

    def _hand_over(self, call: Call, meaning: str, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """Functions given as arguments to what runs them elsewhere."""
        note = Spot(frame.path, call.line, f"handed to {last_name(call.function)}")
        for word, part in (*(("", part) for part in call.arguments), *call.keywords):
            if word in ("loop", "executor", "callback"):
                continue
            for value in self.evaluator.evaluate(part, frame) if not isinstance(part, Constant) else ():
                if not isinstance(value, FunctionValue | ClassValue | Object | ModelValue) or (
                    isinstance(value, Object) and meaning == "queue"
                ):
                    continue
                on_loop = state.loop and isinstance(value, FunctionValue) and self._is_async(value)
                handed = replace(
                    state,
                    loop=on_loop,
                    aside=not on_loop,
                    queued=state.queued or meaning == "queue",
                    stream=state.stream or meaning == "stream",
                )
                rest = tuple(other for other in call.arguments if other is not part) if not word else ()
                rest = rest[call.arguments.index(part) :] if not word else rest
                words = next(
                    (tuple(item.items) for key, item in call.keywords if key == "args" and isinstance(item, Collection)), rest
                )
                self.call_value(value, Call(part, words, (), call.line, call.column, False), frame, handed, (*trail, note))
                if isinstance(value, ModelValue):
                    self._predict(value, "", call, frame, handed, trail)

    def call_value(self, value: Value, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """What calling one value leads to."""
        if isinstance(value, FunctionValue):
            self._enter(value, call, frame, state, trail)
        elif isinstance(value, ClassValue):
            self._construct(value, call, frame, state, trail)
        elif isinstance(value, External):
            self._external(value, call, frame, state, trail)
        elif isinstance(value, ModelValue):
            self._predict(value, "", call, frame, state, trail)
        elif isinstance(value, ExternalObject):
            self._predict_by_type(value.name, "", call, frame, state, trail)
        elif isinstance(value, Object):
            for name in ("__call__", "forward"):
                bound = self.evaluator.method(value, name)
                if bound is not None:
                    self._enter(bound, call, frame, state, trail)
            if self._is_network(value):
                self._event("predict", call, frame, state, trail, name=self._class_name(value), guessed=True)

    def _enter(self, value: FunctionValue, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        module = self.evaluator.source.module(value.path)
        if module is None:
            return
        function = module.function(value.index)
        if _is_abstract(function):
            implementations = list(self._implementations(value, function.name))
            within = replace(state, guessed=True) if len(implementations) > 1 else state
            for other in implementations[:MOST_KINDS]:
                self._enter(other, call, frame, within, trail)
            return
        arguments = [self.evaluator.evaluate(part, frame) for part in call.arguments]
        words = {word: self.evaluator.evaluate(part, frame) for word, part in call.keywords}
        inner = self.evaluator.bind(value, arguments, words)
        state = self._decorated(value, inner, state)
        note = (
            Spot(frame.path, call.line, f"calls {function.name}") if call.line else Spot(value.path, function.line, function.name)
        )
        self.visit(inner, state, (*trail, *self._imported(value, call, frame), note))

    def _imported(self, value: FunctionValue, call: Call, frame: Frame) -> Iterator[Spot]:
        """Where a function of another file comes in."""
        module = self.evaluator.source.module(frame.path)
        if module is None or value.path == frame.path:
            return
        known = module.imports_in.get(MODULE, {}).get(dotted(call.function).partition(".")[0])
        if known is not None:
            yield Spot(frame.path, known.line, f"imports {value.path}", passed=True)

    def _decorated(self, value: FunctionValue, frame: Frame, state: State) -> State:
        """Caches and executors that are decorators."""
        module = self.evaluator.source.module(value.path)
        outer = value.parent or self.evaluator.frame(value.path, MODULE)
        for decorator in module.function(value.index).decorators if module else ():
            target = decorator.function if isinstance(decorator, Call) else decorator
            meanings = {
                self.evaluator.catalog.meanings.get(found.name)
                for found in self.evaluator.evaluate(target, outer)
                if isinstance(found, External)
            }
            if "cached" in meanings or "cache" in last_name(target).lower() or "singleton" in last_name(target).lower():
                keyed = any(isinstance(held, Request) for _, values in frame.bindings for held in values)
                state = replace(state, kept=True, keyed=state.keyed or keyed)
            if "offload" in meanings:
                state = replace(state, loop=False, aside=True)
        return state

    def _construct(self, value: ClassValue, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        module = self.evaluator.source.module(value.path)
        if module is None:
            return
        known = module.facts.classes[value.index]
        if any("singleton" in last_name(part.function if isinstance(part, Call) else part).lower() for part in known.decorators):
            state = replace(state, kept=True)
        plain = Object(value.path, value.index, value.parent)
        made = next((found for found in self.evaluator.called(value, call, frame) if isinstance(found, Object)), plain)
        for name in ("__new__", "__init__", "__post_init__", "__enter__"):
            bound = self.evaluator.method(made, name)
            if bound is not None:
                self._enter(bound, call, frame, state, trail)
        for owner in self.evaluator.lineage(plain):
            if isinstance(owner, External):
                self._load(owner.name, call, frame, state, trail)

    def _is_async(self, value: FunctionValue) -> bool:
        module = self.evaluator.source.module(value.path)
        return bool(module and module.function(value.index).is_async)

    def _is_network(self, value: Object) -> bool:
        return any(isinstance(owner, External) and owner.name.startswith(MODEL_BASES) for owner in self.evaluator.lineage(value))

    def _class_name(self, value: Object) -> str:
        module = self.evaluator.source.module(value.path)
        return module.facts.classes[value.index].name if module else ""

    # -- meanings --------------------------------------------------------------------------------------------------

    def _external(self, value: External, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        if self._load(value.name, call, frame, state, trail):
            return
        if value.name.startswith(PROVIDERS):
            self._provided(call, frame, state, trail)
        meaning = self.evaluator.catalog.meanings.get(value.name)
        if meaning == "sleep":
            self._event("sleep", call, frame, state, trail, name=value.name, timeout=self._first_number(call, frame))
        elif meaning in ("train", "download", "heavy"):
            self._event(meaning, call, frame, state, trail, name=value.name)  # type: ignore[arg-type]
        elif meaning == "remote":
            self._event("remote", call, frame, state, trail, name=value.name, timeout=self._timeout(call, frame))
        elif meaning == "process":
            self._process(call, frame, state, trail)
        managed = self.evaluator.catalog.predicts.get(value.name)
        if managed is not None:
            site = Site(frame.path, call.line, call.column)
            model = ModelValue(
                site, managed.framework, managed.kind, "model", managed.weight, (managed.framework,), helper=managed.helper
            )
            kept = replace(state, kept=True)
            self._event("load", call, frame, kept, trail, name=value.name, model=model)
            self._event("predict", call, frame, state, trail, name=value.name, model=model)

    def _provided(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """`providers.Singleton(Class, …)`: a container makes the object when it is first asked for it."""
        made = Call(call.function, call.arguments[1:], call.keywords, call.line, call.column, awaited=False)
        kept = replace(state, moment="lazy", kept=True)
        for value in self.evaluator.evaluate(call.arguments[0], frame) if call.arguments else ():
            if isinstance(value, ClassValue):
                self.call_value(value, made, frame, kept, trail)

    def _process(self, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        texts: list[str] = []
        for part in call.arguments:
            for value in self.evaluator.evaluate(part, frame):
                held = [value, *(inner for _, inners in value.pairs for inner in inners)] if isinstance(value, Items) else [value]
                texts += [str(inner.value) for inner in held if isinstance(inner, Known)]
        words = [word for word in self.evaluator.catalog.process_words if any(word in text for text in texts)]
        if words:
            model = ModelValue(Site(frame.path, call.line, call.column), words[0], "llm", "model", "huge", (words[0],))
            self._event("load", call, frame, state, trail, name=words[0], model=model)

    def _load(self, name: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> bool:
        loaded = self.evaluator.load(name, call, frame)
        for model in loaded:
            if isinstance(model, ModelValue):
                parts = frozenset(self._parts_of_load(call, frame, model.site)) if model.role == "model" else frozenset()
                self._event("load", call, frame, state, trail, name=name, model=model, parts=parts)
        return bool(loaded)

    def _parts_of_load(self, call: Call, frame: Frame, site: Site) -> Iterator[Site]:
        """Models that are given to a load belong to it; what takes the parts of a loaded model shares its weights."""
        for word, part in (*(("", part) for part in call.arguments), *call.keywords):
            if isinstance(part, Attribute) and any(
                isinstance(value, ModelValue) for value in self.evaluator.evaluate(part.base, frame)
            ):
                yield site
            given = [value.site for value in self.evaluator.evaluate(part, frame) if isinstance(value, ModelValue)]
            if len(given) == 1 or word == "state_dict":  # of several that it may be, nobody knows which
                yield from given

    def _method_call(self, call: Call, values: Values, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """`x.method(…)` where `x` is a model, a trainable object, or nobody knows."""
        function = call.function
        if not isinstance(function, Attribute):
            return
        held = self.evaluator.evaluate(function.base, frame)
        models = [value for value in held if isinstance(value, ModelValue)]
        for value in models:
            if function.name in TRAINS and value.role == "unknown" and prepares(*value.names, dotted(function.base)):
                continue  # a scaler is fitted in a millisecond
            if function.name in TRAINS or (function.name == "train" and value.kind in ("vision", "nlp") and call.keywords):
                self._event("train", call, frame, state, trail, name=f"{value.framework}.{function.name}", model=value)
            elif function.name not in TRANSPARENT or (function.name == "get" and value.framework == "insightface"):
                self._predict(value, function.name, call, frame, state, trail)
        if not models:
            self._on_object(call, function, held, values, frame, state, trail)

    def _on_object(
        self, call: Call, function: Attribute, held: Values, values: Values, frame: Frame, state: State, trail: tuple[Spot, ...]
    ) -> None:
        catalog = self.evaluator.catalog
        for value in values:
            if (
                isinstance(value, External)
                and catalog.methods.get(function.name) == "train"
                and catalog.trainable.get(value.name.rpartition(".")[0])
            ):
                if function.name in TRAINS or call.arguments or call.keywords or "Trainer" in value.name:
                    self._event("train", call, frame, state, trail, name=value.name)
                return
            if (
                isinstance(value, External)
                and function.name in ("predict", "predict_proba", "decision_function")
                and catalog.trainable.get(value.name.rpartition(".")[0])
            ):
                self._event("predict", call, frame, state, trail, name=value.name, guessed=True)
                return
        for value in held:
            if isinstance(value, ExternalObject) and self._predict_by_type(value.name, function.name, call, frame, state, trail):
                return
        if any(isinstance(value, Object) and self._is_network(value) for value in held) and function.name in (
            "predict",
            "generate",
        ):
            self._event("predict", call, frame, state, trail, name=dotted(function), guessed=True)
        if any(isinstance(value, FunctionValue | ClassValue) for value in values) or values:
            return
        name = function.name
        if name == "backward" and not call.arguments and not held:
            self._event("train", call, frame, state, trail, name="backward")
        elif name in TRAINS and sounds_trainable(function.base) and not held:
            self._event("train", call, frame, state, trail, name=dotted(function), guessed=True)
        elif all(value == Known(None) for value in held):  # nobody knows what it is set to later
            self._by_name(call, function, frame, state, trail)

    def _by_name(self, call: Call, function: Attribute, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        """A method of an object that nobody knows: the one class of the deployable that has such a method."""
        found = list(islice(self._candidates(function.name), MOST_KINDS + 1))
        if 0 < len(found) <= MOST_CANDIDATES or (len(found) <= MOST_KINDS and self._are_kin(found)):
            within = replace(state, guessed=True) if len(found) > 1 else state
            for value in found:
                self._enter(value, call, frame, within, trail)
        elif function.name in GUESSED and not found and sounds_like_model(function.base):
            self._event("predict", call, frame, state, trail, name=dotted(function), guessed=True)

    def _implementations(self, value: FunctionValue, name: str) -> Iterator[FunctionValue]:
        """The methods that stand in for an abstract one, in the classes below its own."""
        if not isinstance(value.itself, Object):
            return
        above = (value.itself.path, value.itself.index)
        for other in self._methods(name):
            lineage = self.evaluator.lineage(other.itself) if isinstance(other.itself, Object) else []
            below = any(isinstance(owner, ClassValue) and (owner.path, owner.index) == above for owner in lineage[1:])
            module = self.evaluator.source.module(other.path)
            if below and module is not None and not _is_abstract(module.function(other.index)):
                yield other

    def _are_kin(self, found: list[FunctionValue]) -> bool:
        """Whether the classes of methods share a base of the repository: one interface with its implementations."""
        shared: set[tuple[str, int]] | None = None
        for value in found:
            lineage = self.evaluator.lineage(value.itself) if isinstance(value.itself, Object) else []
            owners = {(owner.path, owner.index) for owner in lineage if isinstance(owner, ClassValue)}
            shared = owners if shared is None else shared & owners
        return bool(shared)

    def _candidates(self, name: str) -> Iterator[FunctionValue]:
        if name not in TOO_COMMON and not name.startswith("__"):
            yield from self._methods(name)

    def _methods(self, name: str) -> Iterator[FunctionValue]:
        """The methods of that name in the deployable's classes."""
        for path, index, place in self.evaluator.methods_named(name):
            module = self.evaluator.source.module(path)
            parent = self.evaluator.free_frame(path, max(module.facts.classes[index].parent, 0) if module else 0)
            yield FunctionValue(path, place, parent, Object(path, index, parent))

    def _predict_by_type(self, name: str, method: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> bool:
        """A call of something whose class says that it is a model, wherever it was loaded."""
        loads = self.evaluator.catalog.loads
        entry = next(
            (found for ending in ("", ".from_pretrained", ".load_model", ".load") if (found := loads.get(name + ending))), None
        )
        if entry is None or entry.role not in ("model", "part") or method in TRANSPARENT or method in TRAINS:
            return False
        model = ModelValue(Site(frame.path, 0), entry.framework, entry.kind, "model", entry.weight)
        self._event("predict", call, frame, state, trail, name=method or "__call__", model=model, guessed=True)
        return True

    def _predict(self, model: ModelValue, method: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
        self._event("predict", call, frame, state, trail, name=method or "__call__", model=model)

    def _first_number(self, call: Call, frame: Frame) -> float | None:
        known = self.evaluator.evaluate(call.arguments[0], frame) if call.arguments else ()
        numbers = [value.value for value in known if isinstance(value, Known) and isinstance(value.value, int | float)]
        return float(numbers[0]) if numbers else None

    def _timeout(self, call: Call, frame: Frame) -> float | None:
        for word, part in call.keywords:
            if word == "timeout":
                known = [value.value for value in self.evaluator.evaluate(part, frame) if isinstance(value, Known)]
                numbers = [value for value in known if isinstance(value, int | float)]
                return float(numbers[0]) if numbers else -1.0
        return None

    def _event(
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
        feeds = frozenset(part.id for argument in call.arguments for part in (argument,) if isinstance(part, Name))
        site = Site(frame.path, call.line, call.column)
        if kind in ("load", "train"):
            trail = (*trail, *self._holders(frame))
        self.events.append(Event(kind, site, name, state, trail, model, guessed, timeout, feeds, parts, _variant(frame)))

    def _holders(self, frame: Frame) -> Iterator[Spot]:
        """The function and the class that something happens in."""
        module = self.evaluator.source.module(frame.path)
        if module is None or frame.index == MODULE:
            return
        function = module.function(frame.index)
        yield Spot(frame.path, function.line, f"in {function.name}", passed=True)
        owner = module.class_of(frame.index)
        if owner is not None:
            yield Spot(frame.path, owner.line, f"in {owner.name}", passed=True)
        if owner is not None and function.name != "__init__":
            yield from self._made_at(frame.itself, owner.name)

    def _made_at(self, itself: Value | None, name: str) -> Iterator[Spot]:
        """Where the object whose method runs was made, if that is at one place."""
        module = self.evaluator.source.module(itself.path) if isinstance(itself, Object) else None
        name = module.facts.classes[itself.index].name if module is not None and isinstance(itself, Object) else name
        places = {(path, call.line) for path, _, call in self.evaluator.calls_of(name)}
        if len(places) == 1:
            path, line = places.pop()
            yield Spot(path, line, f"{name} is made here", passed=True)


def _variant(frame: Frame) -> tuple[str, ...]:
    """The constants that a function was called with: what tells two uses of one helper apart."""
    return tuple(
        str(value.value)
        for _, values in frame.bindings
        for value in values
        if isinstance(value, Known) and isinstance(value.value, str)
    )


def _is_abstract(function: FunctionFacts) -> bool:
    return any(last_name(decorator) in ("abstractmethod", "abstractproperty") for decorator in function.decorators)


def _is_one(held: Items) -> bool:
    """Whether a collection has at most one entry; what a comprehension or `.append` fills stands for as many as it may be."""
    return not held.pairs or (len(held.pairs) == 1 and (held.pairs[0][0] is not None or len(held.pairs[0][1]) < 2))


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


def _is_kept_place(target: Expr | None, frame: Frame, module: Module) -> bool:
    if isinstance(target, Name):
        return target.id in module.function(frame.index).shared
    return isinstance(target, Attribute) and not dotted(target).startswith("self.")


__all__ = ["Event", "EventKind", "Function", "ModuleValue", "Spot", "State", "Walker"]
