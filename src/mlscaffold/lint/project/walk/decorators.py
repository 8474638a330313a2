"""What decorators do around a function: caches, executors, and functions of the repository that stand in for it."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.events import Spot, State
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import External, Frame, FunctionValue, Request, Values
from mlscaffold.lint.project.walk.blocks import within
from mlscaffold.lint.syntax import Call, Expr, Name

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


def decorated(walker: Walker, value: FunctionValue, frame: Frame, state: State) -> State:
    """How a function runs behind its decorators: kept by a cache, in a thread."""
    for target, held in _decorators(walker, value):
        meanings = {walker.evaluator.catalog.meanings.get(found.name) for found in held if isinstance(found, External)}
        own = [found for found in held if isinstance(found, FunctionValue)]
        if any(_hands_over(walker, found) for found in own):
            meanings.add("offload")
        name = last_name(target).lower()
        if name == "cached_property" and frame.itself in walker.fresh:
            continue
        if "cached" in meanings or "cache" in name or "singleton" in name or any(_keeps(walker, found, state) for found in own):
            keyed = any(isinstance(held, Request) for _, values in frame.bindings for held in values)
            state = replace(state, kept=True, keyed=state.keyed or keyed, keeper=(value.path, value.index))
        if "offload" in meanings:
            state = replace(state, loop=False, aside=True)
    return state


def wrapped(walker: Walker, value: FunctionValue, state: State, trail: tuple[Spot, ...]) -> None:
    """What runs around a function: the functions that its decorators of the repository put in its place."""
    for _, held in _decorators(walker, value):
        for found in held:
            module = walker.evaluator.source.module(found.path) if isinstance(found, FunctionValue) else None
            if module is None or not isinstance(found, FunctionValue):
                continue
            name = module.function(found.index).name
            for index in dict.fromkeys(index for index, _ in _calls_of_wrapped(found, module)):
                spot = Spot(found.path, module.function(index).line, f"{name} runs around it")
                walker.visit(walker.evaluator.free_frame(found.path, index), state, (*trail, spot))


def _decorators(walker: Walker, value: FunctionValue) -> Iterator[tuple[Expr, Values]]:
    """Each decorator, not what it is called with, and what it may be."""
    module = walker.evaluator.source.module(value.path)
    outer = value.parent or walker.evaluator.frame(value.path, MODULE)
    for decorator in module.function(value.index).decorators if module else ():
        target = decorator.function if isinstance(decorator, Call) else decorator
        yield target, walker.evaluator.evaluate(target, outer)


def _hands_over(walker: Walker, decorator: FunctionValue) -> bool:
    """Whether a decorator of the repository puts functions into a thread: `return await to_thread(function, *arguments)`."""
    module = walker.evaluator.source.module(decorator.path)
    for index, _, call in module.calls() if module else ():
        if module is None or index == decorator.index or not _stands_in(index, decorator.index, module):
            continue
        if walker.evaluator.catalog.methods.get(last_name(call.function)) == "offload":
            return True
    return False


def _keeps(walker: Walker, decorator: FunctionValue, state: State) -> bool:
    """Whether a decorator of the repository calls a function only while its answer is not there: `if key not in cache`."""
    module = walker.evaluator.source.module(decorator.path)
    plain = replace(state, kept=False)
    for index, step in _calls_of_wrapped(decorator, module) if module else ():
        entered = within(walker, step, walker.evaluator.free_frame(decorator.path, index), module, plain, 0) if module else None
        if entered is not None and entered.kept:
            return True
    return False


def _calls_of_wrapped(decorator: FunctionValue, module: Module) -> Iterator[tuple[int, Step]]:
    """Where the functions inside a decorator call what it is put on, by its name: function, step."""
    for index, step, call in module.calls():
        if index == decorator.index or not isinstance(call.function, Name) or not _stands_in(index, decorator.index, module):
            continue
        outer = module.function(index).parent
        while outer >= decorator.index:
            if any(known.name == call.function.id for known in module.function(outer).parameters[:1]):
                yield index, step
                break
            outer = module.function(outer).parent


def _stands_in(index: int, outer: int, module: Module) -> bool:
    while index > outer:
        index = module.function(index).parent
    return index == outer
