"""From a call to what it runs: functions, constructors, methods that stand in for an abstract one, work handed elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.facts import MODULE, ClassFacts, FunctionFacts, Step
from mlscaffold.lint.project.events import Spot, State
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    ModelValue,
    Object,
    Request,
    Value,
    Values,
)
from mlscaffold.lint.project.words import GUESSED, MODEL_BASES, TOO_COMMON, WAITING, sounds_like_model
from mlscaffold.lint.syntax import Attribute, Call, Collection, Constant, Name, Other, dotted, names_in, walk

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
    note = Spot(frame.path, call.line, f"handed to {last_name(call.function)}")
    held_up = state.loop and last_name(call.function) in ("submit", "map") and _is_held_up(walker, call, frame)
    for word, part in (*(("", part) for part in call.arguments), *call.keywords):
        if word in ("loop", "executor", "callback"):
            continue
        for value in walker.evaluator.evaluate(part, frame) if not isinstance(part, Constant) else ():
            if not isinstance(value, FunctionValue | ClassValue | Object | ModelValue) or (
                isinstance(value, Object) and meaning == "queue"
            ):
                continue
            on_loop = held_up or (state.loop and isinstance(value, FunctionValue) and walker.is_async(value))
            handed = replace(
                state,
                loop=on_loop,
                aside=not on_loop,
                held_up=state.held_up or held_up,
                queued=state.queued or meaning == "queue",
                stream=state.stream or meaning == "stream",
            )
            rest = tuple(other for other in call.arguments if other is not part) if not word else ()
            rest = rest[call.arguments.index(part) :] if not word else rest
            words = next(
                (tuple(item.items) for key, item in call.keywords if key == "args" and isinstance(item, Collection)), rest
            )
            way = (*trail, note, *(_defined(walker, value) if on_loop else ()))
            walker.call_value(value, Call(part, words, (), call.line, call.column, False), frame, handed, way)
            if isinstance(value, ModelValue):
                walker.predict(value, "", call, frame, handed, trail)


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
    if not isinstance(call.function, Attribute) or known or meaning not in ("offload", "queue"):
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
        walker.predict(value, "", call, frame, state, trail)
    elif isinstance(value, ExternalObject):
        walker.predict_by_type(value.name, "", call, frame, state, trail)
    elif isinstance(value, Object):
        for name in ("__call__", "forward"):
            bound = walker.evaluator.method(value, name)
            if bound is not None:
                _enter(walker, bound, call, frame, state, trail)
        if walker.is_network(value):
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
    state = walker.decorated(value, inner, state)
    said = _said(function, module.class_of(value.index))
    note = Spot(frame.path, call.line, said) if call.line else Spot(value.path, function.line, function.name)
    walker.visit(inner, state, (*trail, *_imported(walker, value, call, frame), note))


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


def decorated(walker: Walker, value: FunctionValue, frame: Frame, state: State) -> State:
    """Caches and executors that are decorators."""
    module = walker.evaluator.source.module(value.path)
    outer = value.parent or walker.evaluator.frame(value.path, MODULE)
    for decorator in module.function(value.index).decorators if module else ():
        target = decorator.function if isinstance(decorator, Call) else decorator
        meanings = {
            walker.evaluator.catalog.meanings.get(found.name)
            for found in walker.evaluator.evaluate(target, outer)
            if isinstance(found, External)
        }
        if "cached" in meanings or "cache" in last_name(target).lower() or "singleton" in last_name(target).lower():
            keyed = any(isinstance(held, Request) for _, values in frame.bindings for held in values)
            state = replace(state, kept=True, keyed=state.keyed or keyed, keeper=(value.path, value.index))
        if "offload" in meanings:
            state = replace(state, loop=False, aside=True)
    return state


def _construct(walker: Walker, value: ClassValue, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    module = walker.evaluator.source.module(value.path)
    if module is None:
        return
    known = module.facts.classes[value.index]
    if any("singleton" in last_name(part.function if isinstance(part, Call) else part).lower() for part in known.decorators):
        state = replace(state, kept=True)
    plain = Object(value.path, value.index, value.parent)
    made = next((found for found in walker.evaluator.called(value, call, frame) if isinstance(found, Object)), plain)
    for name in ("__new__", "__init__", "__post_init__", "__enter__"):
        bound = walker.evaluator.method(made, name)
        if bound is not None:
            _enter(walker, bound, call, frame, state, trail)
    for owner in walker.evaluator.lineage(plain):
        if isinstance(owner, External):
            walker.load(owner.name, call, frame, state, trail)


def is_async(walker: Walker, value: FunctionValue) -> bool:
    """Whether a function of the repository is `async def`."""
    module = walker.evaluator.source.module(value.path)
    return bool(module and module.function(value.index).is_async)


def is_network(walker: Walker, value: Object) -> bool:
    """Whether an object's class is a network of a framework."""
    return any(isinstance(owner, External) and owner.name.startswith(MODEL_BASES) for owner in walker.evaluator.lineage(value))


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
