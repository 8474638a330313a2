"""A suppressing comment that hides nothing, or whose last day has passed."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.suppress import Outcome, Suppression

CODE = "MLS901"
NAME = "stale-suppression"
SEVERITY: Final = "warning"
WHY = "A comment that outlived its cause will hide the next real finding at this place."


def review(outcome: Outcome) -> Iterator[Finding]:
    """One finding per comment that is over, or that hid nothing though all its rules ran."""
    for comment in outcome.comments:
        if not comment.codes:
            continue  # it names no rule: that is another finding
        codes = ", ".join(comment.codes)
        if comment.is_over(outcome.today):
            yield _finding(comment, f"the suppression of {codes} ended on {comment.until}")
        elif comment not in outcome.used and set(comment.codes) <= outcome.ran:
            yield _finding(comment, f"the suppression of {codes} hides nothing")


def _finding(comment: Suppression, message: str) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high",
        service="",
        message=message,
        why=WHY,
        locations=(Location(comment.path, comment.line, 1, None, "remove it, or give it a new last day"),),
        subjects=comment.codes,
    )
