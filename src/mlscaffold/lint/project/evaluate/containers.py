"""What collections hold: displays, comprehensions, subscripts, and what is put in later."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    REQUEST,
    ClassValue,
    External,
    Frame,
    Items,
    Known,
    ModelValue,
    Object,
    Request,
    Values,
    items,
    joined,
    texts,
)
from mlscaffold.lint.syntax import ANY, Attribute, Call, Collection, Comprehension, Constant, Expr, Mapping, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator

_PROVIDE = ("dependency_injector.wiring.Provide", "dependency_injector.wiring.Closing")


def subscript(evaluator: Evaluator, expr: Subscript, frame: Frame) -> Values:
    """`x[key]`: what is held under that key, or all that is held."""
    base = evaluator.evaluate(expr.base, frame)
    keys = evaluator.evaluate(expr.index, frame)
    found: list[Values] = []
    for value in base:
        if isinstance(value, Items):
            wanted = [picked(value, key.value) for key in keys if isinstance(key, Known) and isinstance(key.value, str | int)]
            found.append(joined(*wanted) if any(wanted) else elements((value,)))
        elif isinstance(value, ModelValue | ClassValue):  # `Box[Model](…)` makes a Box
            found.append((value,))
        elif isinstance(value, Request):
            stored = evaluator.entries(expr, frame) if isinstance(expr.index, Constant) else ()
            found.append(tuple(held for held in stored if not isinstance(held, Known)) or (REQUEST,))
        elif isinstance(value, Object) and value != frame.itself:
            bound = (evaluator.method(value, name) for name in ("__getitem__", "__missing__"))
            found += [evaluator.returned(known, [keys], {}) for known in bound if known is not None]
        elif isinstance(value, External) and value.name in _PROVIDE:
            provided = (held.pairs[0][1] for held in keys if isinstance(held, Items) and held.pairs)
            found.append(joined(*provided))
        elif isinstance(value, External) and value.name == "os.environ":
            found.append(evaluator.environment(texts(keys), ()))
        elif isinstance(value, External) and evaluator.catalog.loads.get(value.name):  # a registry of a library's builders
            found.append((value,))
    known = joined(*found)
    return known if any(not isinstance(value, Known) for value in known) else joined(known, evaluator.entries(expr, frame))


def entries(evaluator: Evaluator, expr: Subscript, frame: Frame) -> Values:
    """What is put into a mapping of that name by `name[…] = …` or `.append`."""
    name = last_name(expr.base)
    own = evaluator.source.module(frame.path)
    if not name or own is None:
        return ()
    if frame.path not in evaluator.scope_set:
        assigned = [(frame.path, *found) for found in own.entries.get(name, ())]
        return _put_in(evaluator, assigned, expr.index)
    assigned = evaluator.set_entries.get(name, [])
    own_name = isinstance(expr.base, Name) and name not in own.imports_in.get(MODULE, {})
    if own_name:  # two modules may have a mapping of that name each
        assigned = [found for found in assigned if found[0] == frame.path or _imports_name(evaluator, found[0], name)]
    key = (name, expr.index.value if isinstance(expr.index, Constant) else None, frame.path if own_name else "")
    if key not in evaluator.shelves:
        evaluator.shelves[key] = ()  # what puts a thing where it was taken from adds nothing
        evaluator.shelves[key] = _put_in(evaluator, assigned, expr.index)
    return evaluator.shelves[key]


def _imports_name(evaluator: Evaluator, path: str, name: str) -> bool:
    module = evaluator.source.module(path)
    return module is not None and any(name in known for known in module.imports_in.values())


def _put_in(evaluator: Evaluator, assigned: list[tuple[str, int, Step, Expr]], wanted: Expr) -> Values:
    found: list[Values] = []
    for path, index, step, target in assigned[:8]:
        value = step.value
        if isinstance(target, Attribute) and isinstance(value, Call):  # .append(x), .setdefault(k, x)
            value = value.arguments[-1]
        elif isinstance(target, Subscript) and not _same_key(target.index, wanted):
            continue
        found.append(evaluator.evaluate(value, evaluator.free_frame(path, index)))
    return joined(*found)


def filled(evaluator: Evaluator, expr: Expr, frame: Frame) -> Values:
    """What a function puts into a collection of its own: `out = []`, `out.append(load(path))`."""
    own = evaluator.source.module(frame.path)
    if own is None or not isinstance(expr, Name):
        return ()
    put = [(frame.path, *found) for found in own.entries.get(expr.id, ()) if found[0] == frame.index]
    held = _put_in(evaluator, put, ANY) if put else ()
    return items([(None, held)]) if held else ()


def together(values: list[Values]) -> Values:
    """`models + others`, `models | others`: what all of the collections hold; () where something is no collection."""
    held = [[value for value in known if isinstance(value, Items)] for known in values]
    return items(pair for known in held for value in known for pair in value.pairs) if all(held) else ()


def of_collection(evaluator: Evaluator, expr: Collection, frame: Frame) -> Values:
    """A list, tuple or set display."""
    if len(expr.items) > 40:
        return ()
    return items((place, evaluator.evaluate(item, frame)) for place, item in enumerate(expr.items))


def of_mapping(evaluator: Evaluator, expr: Mapping, frame: Frame) -> Values:
    """A dict display."""
    pairs: list[tuple[str | int | None, Values]] = []
    for key, value in expr.pairs[:60]:
        if key is None:  # `{**models, …}`
            pairs += (pair for held in evaluator.evaluate(value, frame) if isinstance(held, Items) for pair in held.pairs)
            continue
        known = evaluator.evaluate(key, frame)
        first = known[0].value if known and isinstance(known[0], Known) else None
        pairs.append((first if isinstance(first, str | int) else None, evaluator.evaluate(value, frame)))
    return items(pairs)


def inside(evaluator: Evaluator, expr: Comprehension, frame: Frame) -> Frame:
    """The frame in which a comprehension's element stands: its target is each of what it goes through."""
    held = elements(evaluator.evaluate(expr.iterable, frame))
    if isinstance(expr.iterable, Name | Attribute):
        held = joined(held, evaluator.entries(Subscript(expr.iterable, ANY, 0), frame))
    targets = expr.target.items if isinstance(expr.target, Collection) else (expr.target,)
    names = [part.id for part in targets if isinstance(part, Name)]
    taken = [(name, values) for name in names if (values := unpacked(held, expr.target, name))]
    if not taken:
        return frame
    bound = (*frame.bindings, *taken)
    return evaluator.frame(frame.path, frame.index, bindings=bound, itself=frame.itself, parent=frame.parent)


def of_comprehension(evaluator: Evaluator, expr: Comprehension, frame: Frame) -> Values:
    """A comprehension: any number of its element."""
    values = evaluator.evaluate(expr.element[-1], evaluator.inside(expr, frame))
    return items([(None, values)]) if values else ()


def picked(items: Items, key: object) -> Values:
    """What a collection holds under that key."""
    return joined(*(values for known, values in items.pairs if known is not None and known == key))


def picked_any(items: Items) -> Values:
    """What a comprehension holds any number of."""
    return joined(*(values for known, values in items.pairs if known is None))


def in_pairs(values: Values, place: int) -> Values:
    """`enumerate(values)`, one side of `zip(…)`: the elements, each at a place of a pair."""
    pairs = [pair for value in values if isinstance(value, Items) for pair in value.pairs]
    asked = tuple(value for value in values if isinstance(value, Request))
    each = pairs + ([(None, asked)] if asked else [])
    return items((key, tuple(part for one in held for part in items([(place, (one,))]))) for key, held in each)


def elements(values: Values) -> Values:
    """What a loop over values goes through."""
    parts = [value.pairs for value in values if isinstance(value, Items)]
    inner = joined(*(held for pairs in parts for _, held in pairs))
    return inner or tuple(value for value in values if isinstance(value, Request | ModelValue))


def unpacked(values: Values, target: Expr | None, name: str) -> Values:
    """What one name of `a, b = values` takes."""
    if not isinstance(target, Collection):
        return values
    place = next((index for index, part in enumerate(target.items) if last_name(part) == name), None)
    found = [picked(value, place) or picked_any(value) for value in values if isinstance(value, Items)]
    return joined(*found) if any(found) else tuple(value for value in values if not isinstance(value, Known))


def _same_key(one: Expr, other: Expr) -> bool:
    constants = isinstance(one, Constant) and isinstance(other, Constant)
    return not constants or one == other
