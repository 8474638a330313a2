"""What is around a step: conditions that rule it out or keep what it makes, loops and how far they go."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.facts import Block, FunctionFacts, Step
from mlscaffold.lint.project.events import Repeat, Spot, State, stronger
from mlscaffold.lint.project.guards import asks_itself, keeps, keys, missed
from mlscaffold.lint.project.rows import times
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import Door, External, ExternalObject, Frame, Items, Request, Value, is_unset, origins
from mlscaffold.lint.project.words import DOCUMENTS, LISTINGS, THROUGH
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Compare,
    Comprehension,
    Constant,
    Expr,
    Logic,
    Name,
    Subscript,
    children,
    names_in,
    walk,
)

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


Around = tuple[State | None, tuple[Spot, ...]]  # the state inside some blocks (None: does not run), and the way into them


def around(walker: Walker, step: Step, frame: Frame, module: Module, known: dict[tuple[tuple[int, int], ...], Around]) -> Around:
    """What is around a step. `known`: what is around the steps before it, and around the function's body as ()."""
    outer = step.context[:-1]
    # What is inside a loop depends on all of the context: whether the loop is left there.
    loops = any(module.block(frame.index, block).kind in ("for", "while") for block, _ in outer)
    start = outer if outer in known and not loops else ()
    state, way = known[start]
    state = None if state is None else within(walker, step, frame, module, state, len(start))
    if state is None:
        return None, way
    return state, (*way, *loops_around(walker, step, frame, module, len(start)))


def within(walker: Walker, step: Step, frame: Frame, module: Module, state: State, start: int) -> State | None:
    """The state inside the blocks around a step, from one of them on; None where it does not run."""
    for depth, (block, arm) in enumerate(step.context[start:], start):
        known = module.block(frame.index, block)
        if known.kind == "typing" and arm == 0:
            return None
        if known.kind == "main" and arm == 0 and frame.path != walker.main:
            return None
        if known.kind in ("if", "match", "try"):
            entered = _armed(walker, known, block, arm, frame, module, state)
            if entered is None:
                return None
            state = entered
        elif known.kind in ("for", "while") and not _leaves(step, depth, module.function(frame.index)):
            rows = times(known.test, frame, walker.evaluator) if known.kind == "for" else 0
            repeat = _repeat(walker, known, block, frame, module, state)
            target = _target(known, module.function(frame.index))
            repeat = "numbered" if not repeat and target and is_numbered(target, (step.value,), known.test) else repeat
            state = replace(state, repeat=repeat, rows=max(state.rows, 1) * rows or state.rows)
    return state


def _leaves(step: Step, depth: int, function: FunctionFacts) -> bool:
    """Whether what stands in a loop runs once at most: the loop is left right after it (`model = load(path); break`)."""
    return any(
        other.kind in ("break", "return") and len(other.context) > depth and step.context[: len(other.context)] == other.context
        for other in function.steps
    )


def loops_around(walker: Walker, step: Step, frame: Frame, module: Module, start: int) -> Iterator[Spot]:
    """What repeats a step, and the settings that let it run, from one of the blocks around it on."""
    for index, _ in step.context[start:]:
        block = module.block(frame.index, index)
        if block.kind in ("for", "while"):
            yield Spot(frame.path, block.line, "in this loop", passed=True)
            if block.kind == "for" and (line := _listed_at(walker, block.test, frame)):
                yield Spot(frame.path, line, "what it goes through is listed here", passed=True)
        elif block.kind in ("if", "match") and walker.evaluator.truth(block.test, frame) is not None:
            yield Spot(frame.path, block.line, "a setting decides here", passed=True)
            yield from (
                Spot(site.path, site.line, "the setting", passed=True)
                for part in (block.test, *children(block.test))
                for site in origins(walker.evaluator.evaluate(part, frame))
            )


def _armed(walker: Walker, block: Block, index: int, arm: int, frame: Frame, module: Module, state: State) -> State | None:
    key = (id(frame), index, arm)
    known = walker.evaluator.doors.get(key)
    if known is None:
        known = walker.evaluator.doors[key] = _door(walker, block, index, arm, frame, module)
    if not known.opens:
        return None
    if known.keeps and not (frame.itself in walker.fresh and asks_itself(block.test)):
        swaps = state.swaps or (known.keyed and _swaps(block.test))
        keeper = (frame.path, frame.index)
        state = replace(state, kept=True, keyed=state.keyed or known.keyed, swaps=swaps, keeper=keeper)
    if known.off:
        state = replace(state, guessed=True)
    # What the request chooses is no alternative: each choice is served sooner or later.
    if known.asked:
        return state
    return replace(state, arms=(*state.arms, (f"{frame.path}:{frame.index}:{index}:{id(frame)}", arm)))


def _door(walker: Walker, block: Block, index: int, arm: int, frame: Frame, module: Module) -> Door:
    """What does not depend on the way that led here."""
    verdict = walker.evaluator.truth(block.test, frame) if block.kind == "if" else None
    if verdict is not None and verdict != (arm == 0):
        return Door(opens=False)
    if block.kind == "try":
        wanted = missed(index, arm, frame, module)
        asked = (walker.evaluator.evaluate(part.index, frame) for part in wanted if isinstance(part, Subscript))
        return Door(opens=True, keeps=bool(wanted), keyed=any(isinstance(value, Request) for key in asked for value in key))
    kept = block.kind == "if" and bool(keeps(block.test, arm, frame, module))
    keyed = kept and any(
        isinstance(value, Request) for part in keys(block.test, frame, module) for value in walker.evaluator.evaluate(part, frame)
    )
    off = block.kind == "if" and arm == 0 and _is_off(walker, block.test, frame)
    return Door(opens=True, keeps=kept, keyed=keyed, asked=asks_request(walker, block.test, frame), off=off)


def _swaps(test: Expr) -> bool:
    """`if wanted != self.name: load` keeps the one that was asked for last, not one for each name."""
    return isinstance(test, Compare) and test.operator in ("==", "!=")


def _is_off(walker: Walker, test: Expr, frame: Frame) -> bool:
    """Whether a block runs only where somebody sets a variable of the environment that the repository leaves unset."""
    if isinstance(test, Logic):
        return test.operator == "and" and any(_is_off(walker, part, frame) for part in test.values)
    if isinstance(test, Compare):
        asks = test.operator in ("is not", "!=") and isinstance(test.right, Constant) and not test.right.value
        return asks and _is_off(walker, test.left, frame)
    return isinstance(test, Name | Attribute | Call) and is_unset(walker.evaluator.evaluate(test, frame))


def _lists(walker: Walker, expr: Expr, frame: Frame) -> bool:
    """Whether something goes through the files of a folder, the pages of a document, the rows of a table."""
    module = walker.evaluator.source.module(frame.path)
    names = module.locals_of(frame.index) if module is not None else {}
    seen: set[str] = set()
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call):
            called = last_name(part.function)
            if called in LISTINGS or _opens_document(walker, part, frame):
                return True
            waiting += part.arguments if called in THROUGH else ()
        elif isinstance(part, Attribute):
            waiting += (part.base,) if part.name in ("pages", "page_count") else ()
        elif isinstance(part, Comprehension):
            waiting.append(part.iterable)
        elif isinstance(part, Subscript):
            waiting.append(part.base)
        elif isinstance(part, Name) and part.id not in seen:
            seen.add(part.id)
            waiting += (step.value for step in names.get(part.id, ()))
    return False


def _opens_document(walker: Walker, call: Call, frame: Frame) -> bool:
    """Whether a call opens something of many pages."""
    if last_name(call.function) not in ("open", "Document", "PdfReader", "PdfDocument"):
        return False
    values = walker.evaluator.evaluate(call.function, frame)
    return any(isinstance(value, External) and value.name.partition(".")[0] in DOCUMENTS for value in values)


def _listed_at(walker: Walker, expr: Expr, frame: Frame) -> int:
    """The line before the loop that lists the files, pages or rows that it goes through; 0 where none does."""
    module = walker.evaluator.source.module(frame.path)
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


def asks_request(walker: Walker, test: Expr, frame: Frame) -> bool:
    """Whether a test looks at something that a request brings."""
    waiting = [test]
    while waiting:
        part = waiting.pop()
        waiting += children(part)
        if isinstance(part, Name | Attribute) and any(
            isinstance(value, Request) for value in walker.evaluator.evaluate(part, frame)
        ):
            return True
    return False


def _repeat(walker: Walker, block: Block, index: int, frame: Frame, module: Module, state: State) -> Repeat:
    if block.kind == "for":
        return stronger(state.repeat, walker.extent(block.test, frame, state))
    if state.moment == "per-request" and _reads_video(walker, index, frame, module):
        return "files"
    return state.repeat or ("endless" if isinstance(block.test, Constant) else "fixed")


def _target(loop: Block, function: FunctionFacts) -> Expr | None:
    """What a loop puts each into."""
    return next((step.target for step in function.steps if step.kind == "for" and step.value is loop.test), None)


def is_numbered(target: Expr, parts: tuple[Expr, ...], iterable: Expr) -> bool:
    """Whether a loop counts, and what is done in it depends on the number: `load(f"fold{number}.pkl")`."""
    counts = isinstance(iterable, Call) and last_name(iterable.function) == "range"
    return counts and any(not names_in(target).isdisjoint(names_in(part)) for part in parts)


def _reads_video(walker: Walker, index: int, frame: Frame, module: Module) -> bool:
    """Whether a loop goes through the frames of a recording, and gives nothing before it is through."""
    inside = [step for step in module.function(frame.index).steps if any(place == index for place, _ in step.context)]
    called = [part for step in inside for part in walk(step.value) if isinstance(part, Call)]
    if any(step.kind == "yield" for step in inside) or any(last_name(call.function).startswith("send") for call in called):
        return False
    read = (call.function for call in called if last_name(call.function) == "read")
    return any(
        isinstance(value, ExternalObject) and value.name == "cv2.VideoCapture" and not _is_camera(walker, value)
        for function in read
        if isinstance(function, Attribute)
        for value in walker.evaluator.evaluate(function.base, frame)
    )


def _is_camera(walker: Walker, opened: ExternalObject) -> bool:
    """Whether a constant names a device or an address: they have no end, and nobody uploads them."""
    module = walker.evaluator.source.module(opened.site.path)
    place = (opened.site.line, opened.site.column)
    calls = (call for _, _, call in module.calls()) if module else ()
    given = [call.arguments[0] for call in calls if (call.line, call.column) == place and call.arguments]
    named = (part.value for part in given if isinstance(part, Constant))
    return any(not isinstance(value, str) or value.isdigit() or "://" in value or value.startswith("/dev/") for value in named)


def extent(walker: Walker, iterable: Expr, frame: Frame, state: State) -> Repeat:
    """How far a loop over something goes."""
    if state.moment == "per-request" and _lists(walker, iterable, frame):
        return "files"
    values = walker.evaluator.evaluate(iterable, frame)
    if any(_is_of_request(value) for value in values) or asks_request(walker, iterable, frame):
        return "request"
    held = [value for value in values if isinstance(value, Items)]
    held = [value for value in held if value.pairs] or held  # a table that is empty at first, and what is put into it
    if isinstance(iterable, Call) and last_name(iterable.function) == "zip":
        return "config"
    if held and any(_is_one(value) for value in held):
        return ""
    if isinstance(iterable, Call) and last_name(iterable.function) == "range":
        return ""
    return "config"


def _is_of_request(value: Value) -> bool:
    """Whether a request brings it, or a collection was made of what a request brings: `[clean(row) for row in rows]`."""
    if isinstance(value, Items):
        return any(key is None and any(isinstance(part, Request) for part in held) for key, held in value.pairs)
    return isinstance(value, Request)


def _is_one(held: Items) -> bool:
    """Whether a collection has at most one entry; what a comprehension or `.append` fills stands for as many as it may be."""
    return not held.pairs or (len(held.pairs) == 1 and (held.pairs[0][0] is not None or len(held.pairs[0][1]) < 2))
