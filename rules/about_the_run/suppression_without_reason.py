"""A suppressing comment that names no rule, gives no reason, or has a last day that is no date."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.suppress import Outcome, Suppression

CODE = "MLS902"
NAME = "suppression-without-reason"
SEVERITY: Final = "warning"
WHY = "Nobody can judge later whether an exception without a reason still holds."


def review(outcome: Outcome) -> Iterator[Finding]:
    """One finding per thing that a comment lacks."""
    for comment in outcome.comments:
        if not comment.codes:
            yield _finding(comment, "a suppression names no rule, so it hides nothing", "write ignore[MLS101] -- reason")
            continue
        codes = ", ".join(comment.codes)
        if not comment.reason:
            yield _finding(comment, f"the suppression of {codes} gives no reason", "add -- and the reason")
        if comment.until and comment.last_day is None:
            yield _finding(comment, f"the last day {comment.until!r} of a suppression is no date", "write until 2027-01-31")


def _finding(comment: Suppression, message: str, note: str) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high",
        service="",
        message=message,
        why=WHY,
        locations=(Location(comment.path, comment.line, 1, None, note),),
        subjects=(*comment.codes, message),
    )
