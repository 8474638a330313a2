"""What a walk finds: events, with the state of the code around them and the way that led there."""

from __future__ import annotations

from mlscaffold.light import Literal, dataclass
from mlscaffold.lint.project.values import ModelValue, Site
from mlscaffold.lint.service import Moment

ONE_PLACE = "<one place>"  # among the words of a state: what is loaded replaces what was there
EventKind = Literal["load", "predict", "weights", "train", "sleep", "remote", "process", "download", "heavy"]
APPLIED = "__call__ with a model"  # the name of a call that is given another model
Repeat = Literal["", "fixed", "numbered", "config", "request", "files", "endless"]


@dataclass(frozen=True, slots=True)
class Spot:
    """One step of the way to an event; `passed` are places on the way that nothing is called from."""

    path: str
    line: int
    note: str
    passed: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How the code at hand runs.

    `loop`: on the event loop. `aside`: in a thread or process that the caller waits for. `queued`: nobody waits. `kept`:
    behind a cache or an `if … is None`; `keyed`: that cache's key comes from the request; `swaps`: it holds one thing, that of
    the last key. `arms` are the alternatives taken on the way, `words` the names on the left of the assignments on the way.
    `pulled`: among what a response streams, whose plain generators the framework runs in a thread.
    `held_up`: in a pool that the event loop stands still for. `guessed`: reached through a name that several classes have.
    `rows`: how often the loops on the way run, as far as constants say it (0: nothing does).
    `table`: the dict display whose entries are all calls of one function. `keeper`: the function (file, index) that the
    last cache or `if … is None` stands in.
    """

    moment: Moment
    loop: bool = False
    aside: bool = False
    held_up: bool = False
    queued: bool = False
    kept: bool = False
    keyed: bool = False
    swaps: bool = False
    stream: bool = False
    pulled: bool = False
    guessed: bool = False
    repeat: Repeat = ""
    rows: int = 0
    arms: tuple[tuple[str, int], ...] = ()
    words: tuple[str, ...] = ()
    table: Site | None = None
    keeper: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the rules ask about, with the way that led to it."""

    kind: EventKind
    site: Site
    name: str
    state: State
    trail: tuple[Spot, ...]
    model: ModelValue | None = None
    guessed: bool = False
    timeout: float | None = None
    feeds: frozenset[str] = frozenset()
    parts: frozenset[Site] = frozenset()
    variant: tuple[str, ...] = ()


def stronger(one: Repeat, other: Repeat) -> Repeat:
    order: tuple[Repeat, ...] = ("", "fixed", "numbered", "endless", "config", "request", "files")
    return max(one, other, key=order.index)
