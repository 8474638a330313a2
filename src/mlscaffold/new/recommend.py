"""Which patterns fit what a user needs: the wizard's questions, and a ranking by each pattern's own `fits`."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlscaffold.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Need:
    """One question of the wizard. `choices` are answers with what they mean, the usual one first."""

    key: str
    question: str
    choices: tuple[tuple[str, str], ...]
    only_if: tuple[str, str] | None = None


NEEDS = (
    Need(
        "place",
        "Where does the model run?",
        (("server", "on servers, asked over the network"), ("device", "on the user's device, also without a network")),
    ),
    Need(
        "answer",
        "When is the answer needed?",
        (
            ("now", "the caller waits for it, within a second"),
            ("later", "the caller can come back for it, or is told"),
            ("scheduled", "for many rows at once, on a schedule"),
        ),
        ("place", "server"),
    ),
    Need(
        "models",
        "How many models does one answer take?",
        (("one", "one model"), ("several", "two or more")),
        ("place", "server"),
    ),
    Need(
        "dependence",
        "How do the models depend on each other?",
        (("chain", "one works on what another said"), ("independent", "all see the same input")),
        ("models", "several"),
    ),
    Need(
        "inputs",
        "What do the inputs look like?",
        (
            ("new", "nearly always new"),
            ("repeated", "the same ones come again and again"),
            ("by-id", "the request names an item; its data is in a database"),
        ),
        ("answer", "now"),
    ),
    Need(
        "preprocessing",
        "What comes before the model?",
        (("light", "little: numbers go in as they come"), ("heavy", "images or other data are decoded and prepared")),
        ("answer", "now"),
    ),
)


def asked(need: Need, given: Mapping[str, str]) -> bool:
    """Whether a question makes sense after the answers so far."""
    return need.only_if is None or given.get(need.only_if[0]) == need.only_if[1]


def ranked(patterns: tuple[Pattern, ...], given: Mapping[str, str]) -> list[Pattern]:
    """The patterns that no answer speaks against, best first (the catalogue's order decides between equals)."""
    scored = [(_score(pattern, given), pattern) for pattern in patterns if not pattern.refused and pattern.fits]
    fitting = [(score, pattern) for score, pattern in scored if score is not None]
    return [pattern for _, pattern in sorted(fitting, key=lambda pair: -pair[0])]


def _score(pattern: Pattern, given: Mapping[str, str]) -> int | None:
    fits = dict(pattern.fits)
    if any(question in fits and answer not in fits[question] for question, answer in given.items()):
        return None
    # an accepted answer speaks the more for a pattern the fewer others it accepts
    return sum(10 - len(fits[question]) for question in given if question in fits)
