"""A function that a framework calls, and what decorators and calls say of one."""

from __future__ import annotations

from mlscaffold.light import dataclass
from mlscaffold.lint.facts import FunctionFacts
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import Frame
from mlscaffold.lint.syntax import Attribute, Call, Constant, Expr, walk


@dataclass(frozen=True, slots=True)
class Hook:
    """A function that the framework calls, in the frame it is called in."""

    name: str
    frame: Frame
    function: FunctionFacts
    loop: bool
    stream: bool = False
    task: bool = False


def is_action(function: FunctionFacts) -> bool:
    """`@action(detail=True)`: a route of its own, beside those that every view set has."""
    targets = (part.function if isinstance(part, Call) else part for part in function.decorators)
    return any(last_name(target) in ("action", "list_route", "detail_route") for target in targets)


def in_thread(function: FunctionFacts) -> bool:
    """`@post(sync_to_thread=True)`: a plain function that the framework runs beside the loop."""
    words = (pair for part in function.decorators if isinstance(part, Call) for pair in part.keywords)
    return any(word == "sync_to_thread" and isinstance(value, Constant) and value.value is True for word, value in words)


def is_injected(expr: Expr | None) -> bool:
    return expr is not None and any(
        isinstance(part, Call) and last_name(part.function) in ("Depends", "Security", "Provide") for part in walk(expr)
    )


def text_of(call: Expr) -> str:
    return next(iter(texts_of(call)), "") if isinstance(call, Call) else ""


def texts_of(call: Call) -> list[str]:
    parts = [
        *call.arguments,
        *(value for word, value in call.keywords if word in ("path", "rule", "event", "event_type", "output", "urls")),
    ]
    return [part.value for part in parts if isinstance(part, Constant) and isinstance(part.value, str)]


def ends_in(call: Call, name: str) -> bool:
    return isinstance(call.function, Attribute) and last_name(call.function.base) == name
