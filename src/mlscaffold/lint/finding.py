"""What a lint run says: values that every report is a function of."""

from mlscaffold.light import Literal, dataclass
from mlscaffold.lint.service import Service
from mlscaffold.patterns import Suggestion

Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Location:
    """One span. `path` is relative to the linted root, with `/`; `line` and `column` count from 1."""

    path: str
    line: int
    column: int = 1
    end_column: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One anti-pattern found in one service.

    `locations[0]` is the primary span; the others follow the path entry -> import -> load -> handler, each with its caption.
    `message` is one sentence with the figures; `why` one line on what it costs.
    `subjects` names what the finding is about (models, handlers) without lines: the fingerprint is made from it.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    service: str
    message: str
    why: str
    locations: tuple[Location, ...]
    suggestion: Suggestion | None = None
    subjects: tuple[str, ...] = ()
    preview: bool = False

    @property
    def primary(self) -> Location:
        return self.locations[0]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder that was not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SuppressedFinding:
    """A finding that a comment hides, with the comment's reason."""

    finding: Finding
    reason: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run. `baselined` findings are known and do not fail the run."""

    root: str
    services: tuple[Service, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[SkippedFile, ...] = ()
    suppressed: tuple[SuppressedFinding, ...] = ()
    baselined: tuple[Finding, ...] = ()
    files_read: int = 0
