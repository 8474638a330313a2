"""Who is asked and how one answer is made: `members.yaml` read and checked, with the lines of what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import msgspec

from services.proxy.combine import NAMED, Combine
from services.proxy.conditions import Condition, ConditionInvalid
from serving.repository import ModelInvalid

ALL, FIRST_GOOD = "all", "first-good"
REQUEST = "request"


class _Member(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    url: str
    feeds: dict[str, str]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    combine: str
    quorum: int
    wait_ms: float
    members: dict[str, _Member]
    good: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One model that is asked. `feeds` names for each of its inputs the request's input."""

    name: str
    model: str
    url: str
    feeds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The members in their order.

    `quorum` is how many have to answer within `wait_ms`; `combine` makes one answer of theirs (None: every member's
    own, by its name); `good` says for first-good which answer is good enough to wait for no other.
    """

    members: Mapping[str, Member]
    quorum: int
    wait_ms: float
    combine: Combine | None
    good: Condition | None


def read_plan(path: Path) -> Plan:
    """Read the file.

    Raises:
        ModelInvalid: what is wrong with it, and where.
    """
    try:
        said = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ModelInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"{path.name}: {' '.join(str(error).split())}") from error
    members = {name: Member(name, one.model, one.url, _feeds(path, name, one)) for name, one in said.members.items()}
    if not 1 <= said.quorum <= len(members):
        raise ModelInvalid(
            f"{path.name}: quorum: expected 1 to {len(members)}, the number of members; found {said.quorum}"
        )
    if not said.wait_ms > 0:
        raise ModelInvalid(f"{path.name}: wait_ms: expected milliseconds, more than 0; found {said.wait_ms}")
    return Plan(members, said.quorum, said.wait_ms, _combine(path, said.combine), _good(path, said))


def _feeds(path: Path, name: str, member: _Member) -> dict[str, str]:
    feeds = {}
    for tensor, source in member.feeds.items():
        place, _, asked = source.partition(".")
        if place != REQUEST or not asked:
            raise ModelInvalid(f"{path.name}: {name}: {tensor}: expected request.INPUT, found {source!r}")
        feeds[tensor] = asked
    return feeds


def _combine(path: Path, name: str) -> Combine | None:
    if name == ALL:
        return None
    if name in NAMED:
        return NAMED[name]
    module, colon, function = name.partition(":")
    if not colon:
        known = ", ".join([*NAMED, ALL])
        raise ModelInvalid(f"{path.name}: combine: expected {known} or module:function, found {name!r}")
    try:
        found: Combine = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ModelInvalid(f"{path.name}: combine: {name}: {error}") from error
    return found


def _good(path: Path, said: _File) -> Condition | None:
    if said.combine != FIRST_GOOD:
        return None
    try:
        condition = Condition(said.good)
    except ConditionInvalid as error:
        raise ModelInvalid(f"{path.name}: good: {error}") from error
    if any(place != "answer" for place, _ in condition.uses):
        raise ModelInvalid(f"{path.name}: good: expected answer.OUTPUT, as in max(answer.probabilities) > 0.8")
    return condition
