"""Sizes, times and schedules as deploy files write them."""

from __future__ import annotations

import re

from mlscaffold.light import expression

_SIZE = expression(r"^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?(?:b|ib)?\s*$", re.IGNORECASE)
_TIME = expression(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)?\s*$", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def bytes_of(text: str, *, decimal: bool = False, unit: str = "") -> int | None:
    """The bytes of `512Mi`, `1g`, `2GB`; None for anything else.

    `decimal` tells Kubernetes (1M = 10⁶, 1Mi = 2²⁰) from Docker (1m = 1Mi = 2²⁰); `unit` is that of a bare number.
    """
    found = _SIZE.match(text)
    if found is None:
        return None
    word = (found[2] or unit).lower()
    base = 1000 if decimal and not word.endswith("i") else 1024
    return int(float(found[1]) * base ** _POWERS[word.removesuffix("i")])


def seconds_of(text: str) -> float | None:
    """The seconds of `30`, `1.5s`, `2m`, `500ms`, `1h`; None for anything else."""
    found = _TIME.match(text)
    if found is None:
        return None
    word = (found[2] or "s").lower()
    return float(found[1]) * _SECONDS["ms" if word == "ms" else word[0]]


def every_s(schedule: str) -> float | None:
    """The seconds between two runs of a cron line, where they are always the same; None for anything else."""
    named = {"@hourly": 3600.0, "@daily": 86_400.0, "@midnight": 86_400.0, "@weekly": 604_800.0}
    if schedule.strip() in named:
        return named[schedule.strip()]
    fields = schedule.split()
    if len(fields) != 5:
        return None
    minute, hour, *rest = fields
    if minute == "*" and hour == "*" and rest == ["*"] * 3:
        return 60.0
    if minute.startswith("*/") and minute[2:].isdecimal() and hour == "*":
        return int(minute[2:]) * 60.0 or None
    if minute.isdecimal() and hour == "*":
        return 3600.0
    if minute.isdecimal() and hour.startswith("*/") and hour[2:].isdecimal():
        return int(hour[2:]) * 3600.0 or None
    return 86_400.0 if minute.isdecimal() and hour.isdecimal() and rest == ["*"] * 3 else None
