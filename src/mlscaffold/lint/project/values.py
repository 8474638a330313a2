"""What an expression may stand for at run time: the small world that the project is evaluated in."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from mlscaffold.light import Literal, dataclass, field, replace
from mlscaffold.lint.service import ModelKind, Weight


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a file; `line` and `column` count from 1."""

    path: str
    line: int
    column: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One function with what its parameters are bound to. Frames are interned: equal ones are the same object."""

    path: str
    index: int
    bindings: tuple[tuple[str, Values], ...]
    itself: Value | None
    parent: Frame | None

    def bound(self, name: str) -> Values | None:
        for known, values in self.bindings:
            if known == name:
                return values
        return None


@dataclass(frozen=True, slots=True)
class Door:
    """The arm of a condition, in one frame: whether it `opens` with the repository's constants, whether what is inside is kept
    (under a key that comes from the request), whether a request chooses it."""

    opens: bool
    keeps: bool = False
    keyed: bool = False
    asked: bool = False
    off: bool = False  # only where somebody sets a variable that the repository leaves unset


@dataclass(frozen=True, slots=True)
class Known:
    """A constant, or a default that the environment may change (`soft`)."""

    value: str | int | float | bool | None
    soft: bool = False
    origin: Site | None = field(default=None, compare=False)  # where it is written, for the reader of a finding


@dataclass(frozen=True, slots=True)
class External:
    """A module, function or class that is not in the repository, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class ExternalObject:
    """What calling something external gave."""

    name: str
    site: Site


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module of the repository."""

    path: str


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function of the repository; `itself` is the object that it is bound to."""

    path: str
    index: int
    parent: Frame | None
    itself: Value | None = None


@dataclass(frozen=True, slots=True)
class ClassValue:
    """A class of the repository."""

    path: str
    index: int
    parent: Frame | None


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a class of the repository; `frame` is that of its `__init__` (None: not seen being made)."""

    path: str
    index: int
    parent: Frame | None
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Something that comes from a request."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple or dict; the keys of a list are its positions."""

    pairs: tuple[tuple[str | int | None, Values], ...]
    depth: int = 1


@dataclass(frozen=True, slots=True)
class ModelValue:
    """A model that a call brought into the process. `names` are the ids or files it may be loaded from, `holder` the
    function that
    loads; a `helper` (voice activity, an OCR binary) is no second model."""

    site: Site
    framework: str
    kind: ModelKind
    role: Literal["model", "preprocessor", "part", "unknown"]
    weight: Weight
    names: tuple[str, ...] = ()
    several: bool = False
    by_request: bool = False
    from_parameter: bool = False
    holder: int = 0
    helper: bool = False
    named_at: tuple[Site, ...] = field(default=(), compare=False)  # where the names are written


Value = Known | External | ExternalObject | ModuleValue | FunctionValue | ClassValue | Object | Request | Items | ModelValue
Values = tuple[Value, ...]

REQUEST = Request()
NOWHERE = Site("", 0)
DEEPEST_ITEMS = 6
MOST = 6  # alternatives that are kept of one expression


def items(pairs: Iterable[tuple[str | int | None, Values]]) -> Values:
    """A collection; one that is nested beyond what anybody writes is unknown (`x = [x]` in a loop has no bottom)."""
    held = tuple(pairs)
    depth = 1 + max((value.depth for _, values in held for value in values if isinstance(value, Items)), default=0)
    return (Items(held, depth),) if depth <= DEEPEST_ITEMS else ()


def joined(*parts: Values) -> Values:
    """The union, in order of first appearance, cut at `MOST`."""
    said = [*filter(None, parts)]
    if not said:
        return ()
    if len(said) == 1 and len(said[0]) == 1:
        return said[0]
    return tuple(dict.fromkeys(chain.from_iterable(said)))[:MOST]


def softened(values: Values) -> Values:
    """What holds only where nothing else is set: defaults."""
    return joined(*((replace(value, soft=True),) if isinstance(value, Known) else (value,) for value in values))


def texts(values: Values) -> tuple[str, ...]:
    """The texts among the values."""
    return tuple(value.value for value in values if isinstance(value, Known) and isinstance(value.value, str))


def origins(values: Values) -> tuple[Site, ...]:
    """Where the constants among the values are written."""
    return tuple(value.origin for value in values if isinstance(value, Known) and value.origin and value.origin.line)


def is_unset(values: Values) -> bool:
    """Whether a value is a variable of the environment that nothing in the repository sets."""
    return bool(values) and all(isinstance(value, Known) and value.origin == NOWHERE for value in values)


def written(values: Values, site: Site) -> Values:
    """The constants among the values are written at that place, unless they come from farther away."""
    if not any(isinstance(value, Known) and value.origin is None for value in values):
        return values
    return tuple(replace(value, origin=site) if isinstance(value, Known) and value.origin is None else value for value in values)
