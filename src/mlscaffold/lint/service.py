"""A deployable as the linter sees it: where it starts, which models it holds, which handlers use them."""

from mlscaffold.light import Literal, dataclass

Kind = Literal["web", "ui", "grpc", "worker", "lambda", "batch", "cli"]
Role = Literal["model", "preprocessor", "part", "remote", "unknown"]
Moment = Literal["module", "startup", "lazy", "per-request"]
ModelKind = Literal[
    "trees", "classic", "network", "vision", "embedding", "nlp", "asr", "tts", "llm", "diffusion", "ocr",
]  # fmt: skip
Weight = Literal["", "tiny", "small", "medium", "large", "huge"]
SizeEvidence = Literal["file", "pointer", "published", "name"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a service starts: the file, and the line (from 1) that makes the application."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Also:
    """Another place that loads the same model, or another model of the same table."""

    name: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Model:
    """One model load, or a table of models that one expression loads; `also` are its other places and entries.

    `bytes` is the size of the weights, `parameters` a count; both None when there is no evidence.

    `reached` is False for a load that stands in the service's code and that nothing leads to as it is set: an alternative.
    `latency_ms` (median) and `latency_p95_ms` were measured on this machine; None where nothing was.
    """

    name: str
    framework: str
    path: str
    line: int
    role: Role
    load: Moment
    bytes: int | None = None
    parameters: int | None = None
    size_evidence: SizeEvidence | None = None
    reached: bool = True
    also: tuple[Also, ...] = ()
    latency_ms: float | None = None
    latency_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """One function that answers requests, with the route or hook that leads to it."""

    name: str
    path: str
    line: int
    is_async: bool


@dataclass(frozen=True, slots=True)
class Start:
    """What a deploy file says of one process that runs a service; what it does not say is None.

    `workers` is a count of processes, `memory_limit` in bytes for the container, `timeout_s` the server's own time-out.
    """

    path: str
    line: int
    command: str
    name: str
    entry: str
    workers: int | None = None
    threads: int | None = None
    memory_limit: int | None = None
    replicas: int | None = None
    timeout_s: float | None = None
    port: int | None = None
    preload: bool = False
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """One deployable. `root` is the folder its imports start from, relative to the linted root ("" = the root itself)."""

    id: str
    kind: Kind
    framework: str
    root: str
    entry: Entry
    models: tuple[Model, ...]
    handlers: tuple[Handler, ...]
    workers: int | None = None
    memory_limit: int | None = None
    latency_budget_ms: int | None = None
    started_by: tuple[Start, ...] = ()
