"""Comments that hide findings: `# mls: ignore[MLS101] until 2027-01-31 -- reason`, in every file that has comments.

Alone on its line a comment speaks for the next line that is no comment, after code for its own line; `file-ignore` for its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlscaffold.light import TYPE_CHECKING, dataclass
from mlscaffold.lint.finding import Finding, SuppressedFinding

if TYPE_CHECKING:
    from datetime import date

# Compiled when the first file has such a comment: most repositories have none.
MARK = rb"mls:\s*(?:file-)?ignore"
COMMENT = (
    r"[#;]\s*mls:\s*(?P<kind>file-ignore|ignore)\s*(?:\[(?P<codes>[^\]]*)\])?"
    r"\s*(?:until\s+(?P<until>\S+))?\s*(?:--\s*(?P<reason>.*))?$"
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. `lines` are those it speaks for (empty: the whole file); `until` is its last day."""

    path: str
    line: int
    codes: tuple[str, ...]
    reason: str
    until: str
    lines: tuple[int, ...]

    def covers(self, finding: Finding) -> bool:
        """Whether it names the finding's rule and stands at one of its spans."""
        if not {finding.code, finding.name} & set(self.codes):
            return False
        return any(at.path == self.path and (not self.lines or at.line in self.lines) for at in finding.locations)

    @property
    def last_day(self) -> date | None:
        """Its last day; None where there is none, or where it is no date."""
        from datetime import date

        try:
            return date.fromisoformat(self.until) if self.until else None
        except ValueError:
            return None

    def is_over(self, today: str) -> bool:
        """Whether its last day has passed; `today` is written as 2027-01-31."""
        return self.last_day is not None and self.last_day.isoformat() < today


@dataclass(frozen=True, slots=True)
class Outcome:
    """Findings that stay, those that are hidden, and the comments with what they did.

    `ran` are the codes and names of the rules that ran: a comment for another rule cannot be called stale.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]
    comments: tuple[Suppression, ...]
    used: frozenset[Suppression]
    ran: frozenset[str]
    today: str


def suppressions(path: str, content: bytes) -> tuple[Suppression, ...]:
    """The suppressing comments of a file; text that only looks like one, inside a Python string, is none."""
    if b"mls:" not in content or not re.search(MARK, content):
        return ()
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    return tuple(_read(path, lines, number, comment) for number, comment in _comments(path, text, lines))


def _comments(path: str, text: str, lines: list[str]) -> Iterator[tuple[int, re.Match[str]]]:
    if path.endswith((".py", ".pyi", ".ipynb")):
        places: Iterable[tuple[int, str]] = _python_comments(text, lines)
    else:
        signs = "#;" if path.endswith((".ini", ".conf", ".cfg", ".service")) else "#"
        places = ((n, line[found:]) for n, line in enumerate(lines, 1) if (found := _first(line, signs)) >= 0)
    for number, comment in places:
        match = re.search(COMMENT, comment.rstrip())
        if match:
            yield number, match


def _first(line: str, signs: str) -> int:
    """Where the first comment of a line starts; -1 where there is none."""
    return min((place for sign in signs if (place := line.find(sign)) >= 0), default=-1)


def _python_comments(text: str, lines: list[str]) -> list[tuple[int, str]]:
    import io
    import tokenize

    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        # a file that does not parse has no findings of its own, but its comments may still speak for spans in it
        return [(number, line[line.index("#") :]) for number, line in enumerate(lines, 1) if line.lstrip().startswith("#")]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def _read(path: str, lines: list[str], number: int, match: re.Match[str]) -> Suppression:
    return Suppression(
        path=path,
        line=number,
        codes=tuple(code.strip() for code in (match["codes"] or "").split(",") if code.strip()),
        reason=(match["reason"] or "").strip(),
        until=match["until"] or "",
        lines=() if match["kind"] == "file-ignore" else _spoken_for(lines, number),
    )


def _spoken_for(lines: list[str], number: int) -> tuple[int, ...]:
    if not lines[number - 1].lstrip().startswith(("#", ";")):
        return (number,)
    below = number
    while below < len(lines) and lines[below].lstrip().startswith(("#", ";")):
        below += 1
    return (number, below + 1)


def apply(findings: Iterable[Finding], comments: Iterable[Suppression], *, today: str, ran: Iterable[str]) -> Outcome:
    """Hide what comments hide: a comment hides findings of the rules it names, at the lines it speaks for, until its last day."""
    comments = tuple(comments)
    usable = [comment for comment in comments if comment.codes and not comment.is_over(today)]
    used: set[Suppression] = set()
    kept: list[Finding] = []
    hidden: list[SuppressedFinding] = []
    for finding in findings:
        covering = [comment for comment in usable if comment.covers(finding)]
        used.update(covering)
        if covering:
            first = covering[0]
            hidden.append(SuppressedFinding(finding, first.reason, first.path, first.line))
        else:
            kept.append(finding)
    return Outcome(tuple(kept), tuple(hidden), comments, frozenset(used), frozenset(ran), today)
