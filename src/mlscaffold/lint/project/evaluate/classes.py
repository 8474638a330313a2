"""Objects and classes of the repository: their bases, methods, fields and what `self.name = …` puts on them."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.evaluate.containers import unpacked
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import ClassValue, External, Frame, FunctionValue, Known, Object, Value, Values, joined
from mlscaffold.lint.project.words import MODEL_BASES
from mlscaffold.lint.syntax import Attribute, Call, Collection, Expr, Name, Subscript, dotted

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator

MOST_MAKERS = 5  # constructors of bases that one calls after another
MOST_PUT_ON = 8  # assignments to an attribute of one name that are looked at


def inherited(evaluator: Evaluator, name: str, frame: Frame) -> Values:
    """`super().name`: what the bases of the class that holds the function say."""
    module = evaluator.source.module(frame.path)
    scope = module.function(frame.index).owner if module else -1
    if module is None or scope < 0 or not isinstance(frame.itself, Object):
        return ()
    line = evaluator.lineage(frame.itself)
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
        holder = evaluator.source.module(owner.path)
        index = dict(holder.facts.classes[owner.index].methods).get(name) if holder else None
        if index is not None:
            return (FunctionValue(owner.path, index, owner.parent, frame.itself),)
    return ()


def of_object(evaluator: Evaluator, value: Object, name: str) -> Values:
    """An attribute of an object: a method, what was assigned on it, what its class says."""
    bound = evaluator.method(value, name)
    if bound is not None:
        return evaluator.returned(bound, (), {}) if evaluator.is_property(bound) else (bound,)
    if filled := _field_of(evaluator, value, name):
        return filled
    owners = [owner for owner in evaluator.lineage(value) if isinstance(owner, ClassValue)]
    known = joined(*(_assigned_on(evaluator, owner, name, value) for owner in owners))
    its_class = ClassValue(value.path, value.index, value.parent)
    if known and all(isinstance(part, Known) for part in known) and not _is_set_when_made(evaluator, owners, name):
        return joined(known, evaluator.of_class(its_class, name))  # a flag: until a method sets it, the class says what it is
    if not known and name == "module" and evaluator.is_network(value):
        return (value,)  # what `DataParallel` is put around
    elsewhere = known or _of_task(evaluator, value, name) or _put_on(evaluator, value, name)
    return elsewhere or evaluator.of_class(its_class, name) or _handed_on(evaluator, value, name)


def _handed_on(evaluator: Evaluator, value: Object, name: str) -> Values:
    """What `__getattr__` gives for a name that nobody put there: `return getattr(self.model, name)`."""
    bound = None if name.startswith("__") else evaluator.method(value, "__getattr__")
    return evaluator.returned(bound, [(Known(name),)], {}) if bound else ()


def _field_of(evaluator: Evaluator, value: Object, name: str) -> Values:
    """What the field of a record was filled with when it was made."""
    module = evaluator.source.module(value.path)
    if module is None or value.frame is None or value.frame.index != module.facts.classes[value.index].body:
        return ()
    return next((values for word, values in value.frame.bindings if word == name), ())


def _put_on(evaluator: Evaluator, value: Object, name: str) -> Values:
    """What whoever makes the object puts on it: `made = cls()`, `made.name = …`."""
    found: list[Values] = []
    for path, index, step, target in evaluator.set_attributes.get(name, ())[:MOST_PUT_ON]:
        base = target.base if isinstance(target, Attribute) else None
        if base is None or dotted(base) in ("self", "cls"):
            continue
        frame = evaluator.free_frame(path, index)
        held = (known for known in evaluator.evaluate(base, frame) if isinstance(known, Object))
        if any((known.path, known.index) == (value.path, value.index) for known in held):
            found.append(evaluator.assigned(name, step, frame))
    return joined(*found)


def _is_set_when_made(evaluator: Evaluator, owners: list[ClassValue], name: str) -> bool:
    """Whether a constructor puts the attribute on every object."""
    for owner in owners:
        module = evaluator.source.module(owner.path)
        for index, _, target in module.attributes.get(name, ()) if module else ():
            function = module.function(index) if module else None
            if function and function.owner == owner.index and function.name in ("__init__", "__post_init__", "setup"):
                return isinstance(target, Attribute)
    return False


def _of_task(evaluator: Evaluator, value: Object, name: str) -> Values:
    """`@app.task(base=Predicts, path="…")`: what a task is given besides its class is an attribute of the class's object."""
    if not any(isinstance(owner, External) and owner.name.startswith("celery.") for owner in evaluator.lineage(value)):
        return ()
    return joined(*(evaluator.evaluate(part, frame) for part, frame in _given_to_tasks(evaluator, value, name)))


def _given_to_tasks(evaluator: Evaluator, value: Object, name: str) -> Iterator[tuple[Expr, Frame]]:
    for path in evaluator.scope:
        module = evaluator.source.module(path)
        frame = evaluator.frame(path, MODULE)
        for decorator in [part for function in module.facts.functions for part in function.decorators] if module else ():
            words = dict(decorator.keywords) if isinstance(decorator, Call) else {}
            kinds = evaluator.evaluate(words["base"], frame) if name in words and "base" in words else ()
            if any(isinstance(kind, ClassValue) and (kind.path, kind.index) == (value.path, value.index) for kind in kinds):
                yield words[name], frame


def _assigned_on(evaluator: Evaluator, owner: ClassValue, name: str, value: Object) -> Values:
    """`evaluator.name = …` in any method of the class."""
    module = evaluator.source.module(owner.path)
    found: list[Values] = []
    for index, step, target in module.attributes.get(name, ()) if module else ():
        function = module.function(index) if module else None
        if function is None or not isinstance(target, Attribute) or not isinstance(target.base, Name):
            continue
        if function.owner != owner.index or target.base.id not in ("self", "cls"):
            continue
        values = evaluator.assigned(name, step, _frame_in(evaluator, value, owner, index))
        found.append(
            unpacked(evaluator.evaluate(step.value, _frame_in(evaluator, value, owner, index)), step.target, name)
            if isinstance(step.target, Collection)
            else values
        )
    return joined(*found)


def _frame_in(evaluator: Evaluator, value: Object, owner: ClassValue, index: int) -> Frame:
    frame = value.frame
    for _ in range(MOST_MAKERS):
        if frame is None:
            break
        if (frame.path, frame.index) == (owner.path, index):
            return frame
        frame = _maker_above(evaluator, frame)
    return evaluator.frame(owner.path, index, itself=value, parent=owner.parent)


def _maker_above(evaluator: Evaluator, frame: Frame) -> Frame | None:
    """The frame of the constructor that this one calls: `super().__init__(…)`, `Base.__init__(self, …)`."""
    module = evaluator.source.module(frame.path)
    for step in module.function(frame.index).steps if module else ():
        call = step.value
        if not isinstance(call, Call) or not isinstance(call.function, Attribute) or call.function.name != "__init__":
            continue
        for made in evaluator.evaluate(call.function, frame):
            if isinstance(made, FunctionValue):
                given = [evaluator.evaluate(part, frame) for part in call.arguments]
                words = {word: evaluator.evaluate(part, frame) for word, part in call.keywords}
                unbound = isinstance(made.itself, ClassValue)
                maker = replace(made, itself=frame.itself) if unbound else made
                return evaluator.bind(maker, given[1:] if unbound else given, words)
    return None


def of_class(evaluator: Evaluator, value: ClassValue, name: str) -> Values:
    """An attribute of a class: a method, a field, what was assigned on it."""
    line = evaluator.lineage(value)
    for owner in line:
        if isinstance(owner, External):
            return (_of_libraries([known.name for known in line if isinstance(known, External)], name, evaluator),)
        module = evaluator.source.module(owner.path)
        if module is None:
            continue
        known = module.facts.classes[owner.index]
        for method, index in reversed(known.methods):
            if method == name:
                return (FunctionValue(owner.path, index, owner.parent, value),)
        body = evaluator.frame(owner.path, known.body, parent=owner.parent)
        steps = module.locals_of(known.body).get(name, ())
        found = joined(*(_field(evaluator, name, step, body) for step in steps))
        if found:
            return joined(found, _assigned_on(evaluator, owner, name, Object(owner.path, owner.index, owner.parent)))
        if found := _assigned_on(evaluator, owner, name, Object(owner.path, owner.index, owner.parent)):
            return found
    return ()


def _of_libraries(bases: list[str], name: str, evaluator: Evaluator) -> External:
    """The attribute of the base that loads by that name, or else of the nearest."""
    named = [f"{base}.{name}" for base in bases]
    return External(next((full for full in named if evaluator.catalog.loads.get(full)), named[0]))


def _field(evaluator: Evaluator, name: str, step: Step, frame: Frame) -> Values:
    values = evaluator.assigned(name, step, frame)
    setting = evaluator.settings.variable(name)
    return setting if setting and values and all(isinstance(value, Known) for value in values) else values


def lineage(evaluator: Evaluator, value: Object | ClassValue) -> list[ClassValue | External]:
    """The class and its bases, nearest first; each class once."""
    waiting: list[ClassValue | External] = [ClassValue(value.path, value.index, value.parent)]
    module = evaluator.source.module(value.path)
    if module is None or not module.facts.classes[value.index].bases:
        return waiting
    found: list[ClassValue | External] = []
    while waiting and len(found) < 12:
        owner = waiting.pop(0)
        if owner in found:
            continue
        found.append(owner)
        module = evaluator.source.module(owner.path) if isinstance(owner, ClassValue) else None
        if module is None or isinstance(owner, External):
            continue
        frame = owner.parent or evaluator.frame(owner.path, MODULE)
        for base in module.facts.classes[owner.index].bases:
            bases = evaluator.evaluate(base.base if isinstance(base, Subscript) else base, frame)
            waiting += [known for known in bases if isinstance(known, ClassValue | External)]
    return found


def is_network(evaluator: Evaluator, value: Object) -> bool:
    """Whether an object's class is a network of a framework."""
    return any(isinstance(owner, External) and owner.name.startswith(MODEL_BASES) for owner in evaluator.lineage(value))


def method(evaluator: Evaluator, value: Value, name: str) -> FunctionValue | None:
    """The method of an object, bound to it."""
    if not isinstance(value, Object):
        return None
    for owner in evaluator.lineage(value):
        module = evaluator.source.module(owner.path) if isinstance(owner, ClassValue) else None
        if module is None or isinstance(owner, External):
            continue
        for method, index in reversed(module.facts.classes[owner.index].methods):
            if method == name:
                return FunctionValue(owner.path, index, owner.parent, value)
    return None


def is_property(evaluator: Evaluator, bound: FunctionValue) -> bool:
    """Whether a method is read like a field."""
    module = evaluator.source.module(bound.path)
    decorators = module.function(bound.index).decorators if module else ()
    return any(last_name(found) in ("property", "cached_property", "hybrid_property") for found in decorators)
