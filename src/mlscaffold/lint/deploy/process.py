"""What deploy files say: processes, where each of their figures stands, and what could not be read."""

from __future__ import annotations

from mlscaffold.light import Literal, dataclass
from mlscaffold.lint.finding import SkippedFile

Environment = tuple[tuple[str, str], ...]  # names with their values, each once
Source = Literal["dockerfile", "compose", "kubernetes", "procfile", "shell", "supervisor", "systemd", "serverless", "code"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A declared number (a count, bytes or seconds: the field that holds it says which) and the line that declares it."""

    value: float
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Target:
    """What a command starts. `text` is a script's path, a module's dotted name, or that of an application's module."""

    kind: Literal["script", "module", "application"]
    text: str

    @property
    def endings(self) -> tuple[str, ...]:
        """The ends of the paths of the files that it may mean."""
        if self.kind == "script":
            return (self.text.removeprefix("./"),)
        inner = self.text.replace(".", "/")
        first = f"{inner}/__main__.py" if self.kind == "module" else f"{inner}/celery.py"
        return (f"{inner}.py", first, f"{inner}/celery.py", f"{inner}/__init__.py")


@dataclass(frozen=True, slots=True)
class Command:
    """One command line that starts a Python process. Figures that it does not give are None.

    `preload`: the application is loaded before the workers are forked; `background`: the shell goes on beside it; `config`: the
    file with the rest of its options.
    """

    text: str
    path: str
    line: int
    server: str
    target: Target | None = None
    workers: Figure | None = None
    threads: Figure | None = None
    timeout_s: Figure | None = None
    port: int | None = None
    preload: bool = False
    background: bool = False
    config: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """One process that a deploy file starts.

    `container` is the same for processes that share one container, and with it one memory limit (bytes). `entries` are the
    Python files of the repository that the command means; `missing` is set where it means one that is not there.
    """

    source: Source
    name: str
    container: str
    command: Command
    entries: tuple[str, ...] = ()
    missing: bool = False
    memory: Figure | None = None
    replicas: int | None = None
    environment: Environment = ()
    schedule_s: Figure | None = None

    @property
    def queue_worker(self) -> bool:
        """Whether it takes tasks from a queue."""
        return self.command.server in ("celery", "rq", "arq", "dramatiq", "taskiq", "huey")


@dataclass(frozen=True, slots=True)
class Deployment:
    """All processes of a repository, in the order of their places, and deploy files that could not be read."""

    processes: tuple[Process, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
