"""Models that do not fit into the memory of their container, times its workers."""

from collections.abc import Iterable, Iterator

from mlscaffold.light import Final, dataclass
from mlscaffold.lint.deploy.process import Figure, Process
from mlscaffold.lint.evidence import entry_span, load_spans, megabytes, spans, suggestion
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.counting import holding
from mlscaffold.lint.project.deployable import Deployable, Load
from mlscaffold.lint.project.uses import use_of

CODE = "MLS104"
NAME = "models-times-workers"
SEVERITY: Final = "warning"
PREVIEW = True
WHY = "Each worker loads its own copy: the container is killed while it starts, or later, under load."


@dataclass(frozen=True, slots=True)
class Share:
    """What one process of a container takes. `once` are bytes that its workers share, `each` those that every worker takes."""

    service: Deployable
    process: Process | None
    loads: tuple[Load, ...]
    workers: Figure | None
    once: int
    each: int
    held: int  # models, with those of unknown size

    @property
    def count(self) -> int:
        """How many copies of `each` there are."""
        return int(self.workers.value) if self.workers else 1

    @property
    def total(self) -> int:
        """Bytes of all its workers."""
        return self.once + self.each * self.count


def check(project: Project) -> Iterator[Finding]:
    """One finding per container whose models are known to take more than its limit."""
    containers: dict[str, list[tuple[Deployable, Process | None]]] = {}
    for service in project.deployables:
        for process in service.processes:
            containers.setdefault(process.container, []).append((service, process))
        if not service.processes:
            containers[service.id] = [(service, None)]
    said: set[tuple[str, int]] = set()
    for held in containers.values():
        limit = next((limit for service, process in held if (limit := service.memory(process))), None)
        shares = [share for service, process in held if (share := _share(project, service, process))]
        if limit is None or not shares or sum(share.total for share in shares) <= limit.value:
            continue
        key = (shares[0].service.id, int(limit.value))
        if key not in said:
            said.add(key)
            yield _finding(project, shares, limit)


def _share(project: Project, service: Deployable, process: Process | None) -> Share | None:
    """None where the bytes of no model are known."""
    loads = holding(service.models).loads
    known = [(load, size) for load in loads if (size := project.sizes.of(load.model).bytes)]
    if not known:
        return None
    preload = process is not None and process.command.preload
    once = sum(size for load, size in known if preload and load.moment == "module")
    each = sum(size for _, size in known) - once
    return Share(service, process, tuple(load for load, _ in known), service.workers(process), once, each, len(loads))


def _finding(project: Project, shares: list[Share], limit: Figure) -> Finding:
    first = shares[0]
    loads = [load for share in shares for load in share.loads]
    spots = [span for load in loads for span in load_spans(load)]
    primary, *related = [*_declared(shares, limit), *spots]
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high" if all(project.sizes.of(load.model).evidence in ("file", "pointer") for load in loads) else "medium",
        service=first.service.id,
        message=f"{_sum(shares)} in one container, which may take {megabytes(int(limit.value))}",
        why=WHY,
        locations=spans(primary, related, [entry_span(share.service) for share in shares]),
        suggestion=suggestion(use_of(first.service, first.loads).pattern, first.service, first.loads, project.files),
        subjects=tuple(sorted({load.name for load in loads})),
    )


def _sum(shares: list[Share]) -> str:
    """The arithmetic in words."""
    parts = []
    for share in shares:
        count = len(share.loads)
        models = f"{count} of {share.held} models" if count < share.held else f"{count} model{'s' if count > 1 else ''}"
        shared = f" (of that {megabytes(share.once)} shared by preloading)" if share.once else ""
        times = f" × {share.count} workers" if share.count > 1 else ""
        weights = f"{models}, {megabytes(share.once + share.each)}{shared}{times}"
        parts.append(f"{weights}: {megabytes(share.total)}" if times else weights)
    total = sum(share.total for share in shares)
    return parts[0] if len(parts) == 1 else f"{' and '.join(parts)}: {megabytes(total)}"


def _declared(shares: Iterable[Share], limit: Figure) -> Iterator[Location]:
    """The lines that the figures come from; those of the options have none."""
    if limit.path:
        yield Location(limit.path, limit.line, note=f"the container may take {megabytes(int(limit.value))}")
    for share in shares:
        if share.workers and share.workers.path:
            yield Location(share.workers.path, share.workers.line, note=f"{share.count} workers")
        elif share.process:
            yield Location(share.process.command.path, share.process.command.line, note="starts one process")
