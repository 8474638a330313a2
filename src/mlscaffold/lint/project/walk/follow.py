"""From a call to what it runs: functions, constructors, methods that stand in for an abstract one, work handed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.facts import MODULE, ClassFacts, FunctionFacts, Step
from mlscaffold.lint.project.events import Spot, State, stronger
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    ModelValue,
    Object,
    Value,
    Values,
)
from mlscaffold.lint.project.words import GUESSED, TOO_COMMON, WAITING, sounds_like_model
from mlscaffold.lint.syntax import ANY, Attribute, Call, Collection, Constant, Name, Other, Subscript, dotted, names_in, walk

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator
    from mlscaffold.lint.project.walk import Walker


MOST_KINDS = 8  # implementations of one interface that a call may mean
MOST_CANDIDATES = 3  # classes with a method of that name: beyond it the name says nothing


def dispatched(values: Values, call: Call, frame: Frame, state: State) -> Iterator[tuple[Value, State]]:
    """One variable holds one object: what a call may reach through it are alternatives, unless a loop or a request
    goes through them."""
    several = [value for value in values if isinstance(value, FunctionValue | ClassValue)]
    exclusive = len(several) > 1 and state.moment in ("module", "startup") and not state.repeat
    for arm, value in enumerate(values):
        place = (f"{frame.path}:{call.line}:{call.column}:{id(frame)}", arm)
        yield value, replace(state, arms=(*state.arms, place)) if exclusive else state


def hand_over(walker: Walker, call: Call, meaning: str, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """Functions given as arguments to what runs them elsewhere."""
    way = (*trail, Spot(frame.path, call.line, f"handed to {last_name(call.function)}"))
    held_up = state.loop and last_name(call.function) in ("submit", "map") and _is_held_up(walker, call, frame)
    handed = replace(
        state,
        loop=held_up,
        aside=not held_up,
        held_up=state.held_up or held_up,
        queued=state.queued or meaning == "queue",
        stream=state.stream or meaning == "stream",
    )
    behind = ((call.arguments[place:], part) for place, part in enumerate(call.arguments, 1))
    words = tuple((word, part) for word, part in call.keywords if word not in ("loop", "executor", "callback"))
    forwarded = words if meaning == "offload" and call.arguments else ()  # `to_thread(cut, picture, session=session)`
    named = (((), part) for _, part in words if not forwarded)
    for rest, part in (*behind, *named):
        if isinstance(part, Constant):
            continue
        if last_name(call.function) == "map" and rest:
            handed = replace(handed, repeat=stronger(state.repeat, walker.extent(rest[0], frame, state)))
            rest = tuple(Subscript(over, ANY, call.line) for over in rest)
        values = walker.evaluator.evaluate(part, frame)
        given = next((tuple(item.items) for key, item in call.keywords if key == "args" and isinstance(item, Collection)), rest)
        run = Call(part, given, forwarded, call.line, call.column, awaited=False)
        for value in values:
            if not _is_run(walker, value) or (isinstance(value, Object) and meaning == "queue"):
                continue
            if not held_up and state.loop and isinstance(value, FunctionValue) and walker.is_async(value):
                on_loop = replace(handed, loop=True, aside=False)
                walker.call_value(value, run, frame, on_loop, (*way, *_defined(walker, value)))
            else:
                walker.call_value(value, run, frame, handed, (*way, *(_defined(walker, value) if held_up else ())))
        if isinstance(part, Attribute) and (meaning == "offload" or _is_of_model(walker, part, frame)):
            walker.method_call(run, values, frame, handed, way)


def _is_of_model(walker: Walker, part: Attribute, frame: Frame) -> bool:
    return any(isinstance(value, ModelValue) for value in walker.evaluator.evaluate(part.base, frame))


def applied(walker: Walker, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """Functions that run here for each item: `map(function, items)`, `items.apply(function)`, `sorted(items, key=function)`."""
    parts = (*call.arguments, *(part for _, part in call.keywords))
    held = ((part, value) for part in parts for value in walker.evaluator.evaluate(part, frame))
    run = [(part, value) for part, value in held if isinstance(value, FunctionValue | ModelValue) or _is_load(walker, value)]
    over = [part for part in call.arguments if part not in [function for function, _ in run]]
    if isinstance(call.function, Attribute):
        over.append(call.function.base)
    if not run:
        return
    repeat = walker.extent(over[0], frame, state) if over else ""
    way = (*trail, Spot(frame.path, call.line, f"handed to {last_name(call.function)}"))
    given = tuple(Subscript(part, ANY, call.line) for part in over)
    for part, value in run:
        each = Call(part, given, (), call.line, call.column, False)
        walker.call_value(value, each, frame, replace(state, repeat=stronger(state.repeat, repeat)), way)


def _is_run(walker: Walker, value: Value) -> bool:
    """Whether what is handed over runs code that can be told: the repository's, a model, a library's loader."""
    return _is_load(walker, value) or isinstance(value, FunctionValue | ClassValue | Object | ModelValue)


def _is_load(walker: Walker, value: Value) -> bool:
    catalog = walker.evaluator.catalog
    return isinstance(value, External) and (catalog.is_load(value.name) or catalog.meanings.get(value.name) == "asked")


def _defined(walker: Walker, value: Value) -> Iterator[Spot]:
    """Where a coroutine that is handed on is written: it runs on the loop in a time of its own."""
    module = walker.evaluator.source.module(value.path) if isinstance(value, FunctionValue) else None
    if module is not None and isinstance(value, FunctionValue) and (line := module.function(value.index).line):
        yield Spot(value.path, line, f"runs {module.function(value.index).name}", passed=True)


def meaning(walker: Walker, call: Call, values: Values, frame: Frame) -> str:
    """What the catalogue says that a call does with the functions it is given; "" where it says nothing."""
    for value in values:
        if isinstance(value, External | ExternalObject) and (meaning := walker.evaluator.catalog.meanings.get(value.name)):
            return meaning
    known = any(isinstance(value, FunctionValue | ClassValue) for value in values)
    name = last_name(call.function)
    if name == "map" and any(
        isinstance(value, External) and value.name.endswith(("Executor.map", "Pool.map")) for value in values
    ):
        return "offload"
    meaning = walker.evaluator.catalog.methods.get(name, "")
    if not isinstance(call.function, Attribute) or known or meaning not in ("offload", "queue", "applied"):
        return ""
    # Work that is submitted and then waited for is no queue.
    return "offload" if name == "submit" and _waits(walker, frame) else meaning


def _waits(walker: Walker, frame: Frame) -> bool:
    module = walker.evaluator.source.module(frame.path)
    steps = module.function(frame.index).steps if module else ()
    return any(not WAITING.isdisjoint(names_in(step.value)) for step in steps)


def _is_held_up(walker: Walker, handing: Call, frame: Frame) -> bool:
    """Whether who hands work to a pool stands still until it is done (`future.result()`, `pool.map(…)`)."""
    module = walker.evaluator.source.module(frame.path)
    steps = module.function(frame.index).steps if module else ()
    calls = [part for step in steps for part in walk(step.value) if isinstance(part, Call)]
    if any(last_name(call.function) == "wrap_future" for call in calls):
        return False
    if last_name(handing.function) == "map":
        return True
    return any(last_name(call.function) in ("result", "as_completed", "wait") and not call.awaited for call in calls)


def awaits(task: Call, frame: Frame, evaluator: Evaluator) -> bool:
    """Whether the function that starts a task waits for it: `await task`, `await gather(*tasks)`, `await first(task, …)`."""
    module = evaluator.source.module(frame.path)
    steps = module.function(frame.index).steps if module else ()
    started = next((step for step in steps if any(part is task for part in walk(step.value))), None)
    if started is None or task.awaited:
        return task.awaited
    if any(isinstance(part, Call) and part.awaited and part is not task for part in walk(started.value)):
        return True
    name = _held_by(started)
    return bool(name) and any(_waits_for(name, step) for step in steps if step.line > started.line)


def _held_by(step: Step) -> str:
    """The name that a step puts something under: `task = …`, `tasks.append(…)`."""
    if isinstance(step.target, Name):
        return step.target.id
    function = step.value.function if isinstance(step.value, Call) else None
    base = function.base if isinstance(function, Attribute) and function.name == "append" else None
    return base.id if isinstance(base, Name) else ""


def _waits_for(name: str, step: Step) -> bool:
    for part in walk(step.value):
        if isinstance(part, Other) and len(part.parts) == 1 and isinstance(part.parts[0], Name) and part.parts[0].id == name:
            return True  # `await task` is no call
        if isinstance(part, Call) and part.awaited and any(name in names_in(given) for given in part.arguments):
            return True
    return False


def streams(walker: Walker, call: Call, values: Values, frame: Frame) -> bool:
    """A response made from a generator."""
    if not any(isinstance(value, External) for value in values) or "Response" not in last_name(call.function):
        return False
    for part in (*call.arguments, *(value for _, value in call.keywords)):
        inner = part.function if isinstance(part, Call) else part
        for value in walker.evaluator.evaluate(inner, frame) if isinstance(inner, Name | Attribute) else ():
            module = walker.evaluator.source.module(value.path) if isinstance(value, FunctionValue) else None
            if module and isinstance(value, FunctionValue) and module.function(value.index).is_generator:
                return True
    return False


def call_value(walker: Walker, value: Value, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """What calling one value leads to."""
    if isinstance(value, FunctionValue):
        _enter(walker, value, call, frame, state, trail)
    elif isinstance(value, ClassValue):
        _construct(walker, value, call, frame, state, trail)
    elif isinstance(value, External):
        walker.external(value, call, frame, state, trail)
    elif isinstance(value, ModelValue):
        function = call.function
        if not isinstance(function, Attribute) or value not in walker.evaluator.evaluate(function.base, frame):
            walker.predict(value, "", call, frame, state, trail)  # else a method of it, which is told by its name
    elif isinstance(value, ExternalObject):
        walker.predict_by_type(value.name, "", call, frame, state, trail)
    elif isinstance(value, Object):
        for name in ("__call__", "forward"):
            bound = walker.evaluator.method(value, name)
            if bound is not None:
                _enter(walker, bound, call, frame, state, trail)
        if walker.evaluator.is_network(value):
            walker.event("predict", call, frame, state, trail, name=_class_name(walker, value), guessed=True)


def _enter(walker: Walker, value: FunctionValue, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    module = walker.evaluator.source.module(value.path)
    if module is None:
        return
    function = module.function(value.index)
    if is_abstract(function):
        implementations = list(_implementations(walker, value, function.name))
        within = replace(state, guessed=True) if len(implementations) > 1 else state
        for other in implementations[:MOST_KINDS]:
            _enter(walker, other, call, frame, within, trail)
        return
    arguments = [walker.evaluator.evaluate(part, frame) for part in call.arguments]
    words = {word: walker.evaluator.evaluate(part, frame) for word, part in call.keywords}
    inner = walker.evaluator.bind(value, arguments, words)
    way = (*trail, *_imported(walker, value, call, frame))
    walker.wrapped(value, state, way)
    state = walker.decorated(value, inner, state)
    if state.pulled and function.is_generator and not function.is_async:
        state = replace(state, loop=False, aside=True, pulled=False)
    said = _said(function, module.class_of(value.index))
    note = Spot(frame.path, call.line, said) if call.line else Spot(value.path, function.line, function.name)
    walker.visit(inner, state, (*way, note))


def _said(function: FunctionFacts, owner: ClassFacts | None) -> str:
    """What a call does, in the words of whoever wrote it: nobody writes `__init__`."""
    if owner is None or not function.name.startswith("__"):
        return f"calls {function.name}"
    doing = {"__init__": "makes", "__new__": "makes", "__post_init__": "makes", "__enter__": "enters", "__aenter__": "enters"}
    return f"{doing.get(function.name, 'calls')} {owner.name}"


def _imported(walker: Walker, value: FunctionValue, call: Call, frame: Frame) -> Iterator[Spot]:
    """Where a function of another file comes in."""
    module = walker.evaluator.source.module(frame.path)
    if module is None or value.path == frame.path:
        return
    known = module.imports_in.get(MODULE, {}).get(dotted(call.function).partition(".")[0])
    if known is not None:
        yield Spot(frame.path, known.line, f"imports {value.path}", passed=True)


def _construct(walker: Walker, value: ClassValue, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    module = walker.evaluator.source.module(value.path)
    if module is None:
        return
    known = module.facts.classes[value.index]
    if any("singleton" in last_name(part.function if isinstance(part, Call) else part).lower() for part in known.decorators):
        state = replace(state, kept=True)
    plain = Object(value.path, value.index, value.parent)
    made = next((found for found in walker.evaluator.called(value, call, frame) if isinstance(found, Object)), plain)
    if state.moment == "per-request" and not state.kept:
        walker.fresh.add(made)
    for name in ("__new__", "__init__", "__post_init__", "__enter__"):
        bound = walker.evaluator.method(made, name)
        if bound is not None:
            _enter(walker, bound, call, frame, state, trail)
    for owner in walker.evaluator.lineage(plain):
        if isinstance(owner, ClassValue):
            _fill(walker, owner, state, trail)
        else:
            walker.load(owner.name, call, frame, state, trail)


def _fill(walker: Walker, owner: ClassValue, state: State, trail: tuple[Spot, ...]) -> None:
    """What fills the fields of a record when it is made: `field(default_factory=load)`."""
    module = walker.evaluator.source.module(owner.path)
    if module is None or (owner.path, owner.index) in walker.filling:
        return  # a record of records of its own kind: `children: list[Node] = field(default_factory=…)`
    body = walker.evaluator.frame(owner.path, module.facts.classes[owner.index].body, parent=owner.parent)
    walker.filling.add((owner.path, owner.index))
    for step in module.function(body.index).steps:
        made = dict(step.value.keywords).get("default_factory") if isinstance(step.value, Call) else None
        if made is None:
            continue
        run, way = Call(made, (), (), step.line, 1, False), (*trail, Spot(owner.path, step.line, "fills a field"))
        for value in walker.evaluator.evaluate(made, body):
            walker.call_value(value, run, body, state, way)
    walker.filling.discard((owner.path, owner.index))


def is_async(walker: Walker, value: FunctionValue) -> bool:
    """Whether a function of the repository is `async def`."""
    module = walker.evaluator.source.module(value.path)
    return bool(module and module.function(value.index).is_async)


def _class_name(walker: Walker, value: Object) -> str:
    module = walker.evaluator.source.module(value.path)
    return module.facts.classes[value.index].name if module else ""


def _implementations(walker: Walker, value: FunctionValue, name: str) -> Iterator[FunctionValue]:
    """The methods that stand in for an abstract one, in the classes below its own."""
    if not isinstance(value.itself, Object):
        return
    above = (value.itself.path, value.itself.index)
    for other in _methods(walker, name):
        lineage = walker.evaluator.lineage(other.itself) if isinstance(other.itself, Object) else []
        below = any(isinstance(owner, ClassValue) and (owner.path, owner.index) == above for owner in lineage[1:])
        module = walker.evaluator.source.module(other.path)
        if below and module is not None and not is_abstract(module.function(other.index)):
            yield other


def _are_kin(walker: Walker, found: list[FunctionValue]) -> bool:
    """Whether the classes of methods share a base of the repository: one interface with its implementations."""
    shared: set[tuple[str, int]] | None = None
    for value in found:
        lineage = walker.evaluator.lineage(value.itself) if isinstance(value.itself, Object) else []
        owners = {(owner.path, owner.index) for owner in lineage if isinstance(owner, ClassValue)}
        shared = owners if shared is None else shared & owners
    return bool(shared)


def _candidates(walker: Walker, name: str) -> Iterator[FunctionValue]:
    if name not in TOO_COMMON and not name.startswith("__"):
        yield from _methods(walker, name)


def _methods(walker: Walker, name: str) -> Iterator[FunctionValue]:
    """The methods of that name in the deployable's classes."""
    for path, index, place in walker.evaluator.methods_named(name):
        module = walker.evaluator.source.module(path)
        parent = walker.evaluator.free_frame(path, max(module.facts.classes[index].parent, 0) if module else 0)
        yield FunctionValue(path, place, parent, Object(path, index, parent))


def by_name(walker: Walker, call: Call, function: Attribute, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """A method of an object that nobody knows: the one class of the deployable that has such a method."""
    found = list(islice(_candidates(walker, function.name), MOST_KINDS + 1))
    if 0 < len(found) <= MOST_CANDIDATES or (len(found) <= MOST_KINDS and _are_kin(walker, found)):
        within = replace(state, guessed=True) if len(found) > 1 else state
        for value in found:
            _enter(walker, value, call, frame, within, trail)
    elif function.name in GUESSED and not found and sounds_like_model(function.base):
        walker.event("predict", call, frame, state, trail, name=dotted(function), guessed=True)


def is_abstract(function: FunctionFacts) -> bool:
    """Whether a method says that the classes below it do the work."""
    return any(last_name(decorator) in ("abstractmethod", "abstractproperty") for decorator in function.decorators)
