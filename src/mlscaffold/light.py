"""Frozen dataclasses, named tuples and the words of `typing`, without what their import costs.

`dataclasses` brings `inspect` along and compiles six methods for each class: for the fifty values of a lint run that is 25 ms,
two bare Pythons, before the first file is opened. The stand-ins here do the part that our values use (frozen, compared and
hashed by their fields, defaults that are immutable), and compile a constructor when many values are made. Type checkers see
the originals.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False

if TYPE_CHECKING:
    import re
    from dataclasses import dataclass, field, replace
    from typing import AnyStr, Final, Generic, Literal, NamedTuple, NoReturn, Protocol, TypeVar, cast
else:
    from collections import namedtuple
    from operator import attrgetter

    _BEFORE_COMPILED = 30  # values that are made before their class gets a constructor of its own: that costs as much as they do

    class _Word:
        """`Literal["a", "b"]` is a text, at run time."""

        def __getitem__(self, _):
            return str

    class Generic:
        def __class_getitem__(cls, _):
            return cls

    Literal = _Word()
    Final = NoReturn = Protocol = object
    TypeVar = str

    def cast(_, value):
        return value

    class _Fields:
        """What all of them do."""

        __slots__ = ()

        def __repr__(self):
            said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
            return f"{type(self).__qualname__}({said})"

        def __reduce__(self):
            return type(self), self._parts(self)

    class _Compared(_Fields):
        """Equal where the fields are."""

        __slots__ = ()
        __hash__ = None

        def __eq__(self, other):
            if type(self) is not type(other):
                return NotImplemented
            return self is other or self._compared(self) == self._compared(other)

    def _never_set(self, name, *_):
        raise AttributeError(f"{type(self).__name__} is frozen: {name} stays as it is")

    def _hash(self):
        return hash(self._compared(self))

    def field(*, default_factory=None, default=None, compare=True):
        return _Made(default_factory) if compare else _Aside(default)

    class _Aside:
        """A field that two equal values may differ in."""

        def __init__(self, default):
            self.default = default

    class _Made:
        """A default that is made anew for each."""

        def __init__(self, factory):
            self.factory = factory

    def dataclass(*, frozen=False, slots=False, eq=True):
        def make(given):
            names = tuple(given.__dict__.get("__annotations__", ()))
            space = {name: held for name, held in given.__dict__.items() if name not in ("__dict__", "__weakref__")}
            defaults = {name: space.pop(name) for name in names if name in space}
            compared = tuple(name for name in names if type(defaults.get(name)) is not _Aside)
            defaults |= {name: defaults[name].default for name in names if name not in compared}
            space |= {"__match_args__": names, "__slots__": names if slots else ("__dict__",), "_parts": _parts_of(names)}
            space["_names"] = frozenset(names)
            space["_compared"] = space["_parts"] if compared == names else _parts_of(compared)
            if frozen:
                space |= {"__setattr__": _never_set, "__delattr__": _never_set}
            if frozen and eq:
                space["__hash__"] = _hash
            made = type(given)(given.__name__, (_Compared if eq else _Fields,), space)

            left = _BEFORE_COMPILED

            def first(self, *values, **named):
                nonlocal left
                left -= 1
                if left < 0 or not _filled(self, names, defaults, values, named):
                    made.__init__ = _constructor(made, names, defaults)  # which also says best what is wrong
                    made.__init__(self, *values, **named)

            made.__init__ = first
            return made

        return make

    def _parts_of(names):
        if len(names) > 1:
            return attrgetter(*names)
        return staticmethod(lambda value: tuple(getattr(value, name) for name in names))

    def _filled(value, names, defaults, given, named):
        """Set the fields one by one; False where they are not given as they should be."""
        held = {**dict(zip(names, given, strict=False)), **named}
        if len(given) > len(names) or len(held) < len(given) + len(named) or not held.keys() <= value._names:
            return False
        for name in names:
            if name not in held:
                if name not in defaults:
                    return False
                default = defaults[name]
                held[name] = default.factory() if type(default) is _Made else default
        for name in names:
            object.__setattr__(value, name, held[name])
        return True

    def _constructor(made, names, defaults):
        known = {f"_{name}": held for name, held in defaults.items()}
        words = ", ".join(f"{name}=_{name}" if name in defaults else name for name in names)
        if "__dict__" in made.__slots__:
            known["_keep"] = object.__setattr__
            lines = [f"_keep(self, {name!r}, {name})" for name in names]
        else:
            known |= {f"_keep_{name}": getattr(made, name).__set__ for name in names}
            lines = [f"_keep_{name}(self, {name})" for name in names]
        fresh = [f"if {name} is _{name}: {name} = _{name}.factory()" for name, held in defaults.items() if type(held) is _Made]
        exec(f"def __init__(self, {words}):\n " + "\n ".join([*fresh, *lines, "pass"]), known)
        return known["__init__"]

    def replace(value, /, **changes):
        if not changes.keys() <= value._names:
            raise TypeError(f"{type(value).__name__} has no {sorted(changes.keys() - value._names)[0]}")
        return type(value)(*map(changes.get, value.__match_args__, value._parts(value)))

    class _Tuples(type):
        """Makes named tuples of classes that are written as such."""

        def __new__(cls, name, bases, space):
            if not bases:
                return super().__new__(cls, name, bases, space)
            names = space.get("__annotations__", ())
            made = namedtuple(name, names, defaults=[space[word] for word in names if word in space], module=space["__module__"])
            made.__doc__ = space.get("__doc__")
            return made

    class NamedTuple(metaclass=_Tuples):
        pass


def expression(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A regular expression, compiled when it is first used: each costs 0.1 ms, and a run needs few of those that we have."""
    return cast("re.Pattern[AnyStr]", _Expression(pattern, flags))


class _Expression:
    def __init__(self, *given: object) -> None:
        self._given = given

    def __getattr__(self, name: str) -> object:
        import re

        made = re.compile(*self._given)  # type: ignore[call-overload]
        self.__dict__.update(
            {word: getattr(made, word) for word in ("search", "match", "fullmatch", "findall", "finditer", "sub")}
        )
        return getattr(made, name)


def field_names(kind: object) -> tuple[str, ...]:
    """The fields of one of our values, or of its class, in their order."""
    names: tuple[str, ...] = kind.__match_args__  # type: ignore[attr-defined]
    return names


def as_dict(value: object) -> dict[str, object]:
    """The fields of a value with what they hold; values inside it likewise."""
    return {name: _plain(getattr(value, name)) for name in field_names(value)}


def _plain(held: object) -> object:
    if isinstance(held, tuple):
        return tuple(_plain(one) for one in held)
    if isinstance(held, Mapping):
        return {key: _plain(one) for key, one in held.items()}
    return as_dict(held) if hasattr(held, "__match_args__") else held


__all__ = [
    "TYPE_CHECKING",
    "Final",
    "Generic",
    "Literal",
    "NamedTuple",
    "NoReturn",
    "Protocol",
    "TypeVar",
    "as_dict",
    "cast",
    "dataclass",
    "expression",
    "field",
    "field_names",
    "replace",
]
