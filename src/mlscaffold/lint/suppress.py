"""Comments that hide findings: `# mls: ignore[MLS101] until 2027-01-31 -- reason`, in Python, YAML, Dockerfiles and shell.

Alone on its line a comment speaks for the next line that is no comment, after code for its own line; `file-ignore` for its file.
"""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mlscaffold.lint.finding import Finding, Location, SuppressedFinding

MARK = re.compile(rb"mls:\s*(?:file-)?ignore")
COMMENT = re.compile(
    r"#\s*mls:\s*(?P<kind>file-ignore|ignore)\s*(?:\[(?P<codes>[^\]]*)\])?"
    r"\s*(?:until\s+(?P<until>\S+))?\s*(?:--\s*(?P<reason>.*))?$"
)
STALE = ("MLS901", "stale-suppression")
INCOMPLETE = ("MLS902", "suppression-without-reason")


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """Findings that stay, those that are hidden, and what is wrong with the comments themselves."""

    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]


def suppressions(path: str, content: bytes) -> tuple[Suppression, ...]:
    """The suppressing comments of a file; text that only looks like one, inside a Python string, is none."""
    if not MARK.search(content):
        return ()
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    return tuple(_read(path, lines, number, comment) for number, comment in _comments(path, text, lines))


def _comments(path: str, text: str, lines: list[str]) -> Iterator[tuple[int, re.Match[str]]]:
    if path.endswith((".py", ".pyi")):
        places: Iterable[tuple[int, str]] = _python_comments(text, lines)
    else:
        places = ((n, line[line.index("#") :]) for n, line in enumerate(lines, 1) if "#" in line)
    for number, comment in places:
        match = COMMENT.search(comment.rstrip())
        if match:
            yield number, match


def _python_comments(text: str, lines: list[str]) -> list[tuple[int, str]]:
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
    if not lines[number - 1].lstrip().startswith("#"):
        return (number,)
    below = number
    while below < len(lines) and lines[below].lstrip().startswith("#"):
        below += 1
    return (number, below + 1)


def apply(findings: Iterable[Finding], comments: Iterable[Suppression], *, today: date, ran: Iterable[str]) -> Outcome:
    """Hide what comments hide; report comments that hide nothing, are over, or say too little.

    `ran` are the codes and names of the rules that ran: a comment for another rule is not called stale.
    """
    comments = tuple(comments)
    usable = [comment for comment in comments if comment.codes and not _over(comment, today)]
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
    known = set(ran)
    kept += [complaint for comment in comments for complaint in _complaints(comment, comment in used, known, today)]
    return Outcome(tuple(kept), tuple(hidden))


def _over(comment: Suppression, today: date) -> bool:
    try:
        return bool(comment.until) and date.fromisoformat(comment.until) < today
    except ValueError:
        return False  # said by the complaint about it


def _complaints(comment: Suppression, used: bool, ran: set[str], today: date) -> Iterator[Finding]:
    if not comment.codes:
        yield _complaint(INCOMPLETE, comment, "a suppression names no rule, so it hides nothing: write ignore[MLS101] -- reason")
        return
    if not comment.reason:
        yield _complaint(INCOMPLETE, comment, f"the suppression of {', '.join(comment.codes)} gives no reason: add `-- reason`")
    if comment.until and not _is_date(comment.until):
        yield _complaint(INCOMPLETE, comment, f"the suppression's last day {comment.until!r} is no date: write until 2027-01-31")
    elif _over(comment, today):
        yield _complaint(STALE, comment, f"the suppression of {', '.join(comment.codes)} ended on {comment.until}")
    elif not used and set(comment.codes) <= ran:
        yield _complaint(STALE, comment, f"the suppression of {', '.join(comment.codes)} hides nothing any more: remove it")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _complaint(rule: tuple[str, str], comment: Suppression, message: str) -> Finding:
    return Finding(
        code=rule[0],
        name=rule[1],
        severity="warning",
        confidence="high",
        service="",
        message=message,
        why="a suppression that nobody can judge, or that outlived its cause, hides the next real finding",
        locations=(Location(comment.path, comment.line, 1, None, "this comment"),),
        subjects=(*comment.codes, comment.reason),
    )
