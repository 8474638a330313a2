"""A deploy file or an option that starts a file which is not there."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.deploy.process import Process
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project

CODE = "MLS903"
NAME = "entry-point-not-found"
SEVERITY: Final = "warning"
WHY = "What is started elsewhere than it is written cannot be judged, and a container that starts nothing fails in production."


def check(project: Project) -> Iterator[Finding]:
    """One finding per command, and one per option, that names a file which the repository does not have."""
    seen: set[tuple[str, int]] = set()
    for process in project.deployment.processes:
        place = (process.command.path, process.command.line)
        if process.missing and place not in seen:
            seen.add(place)
            yield _of_command(process)
    for name, options in project.services.items():
        if options.entry and options.entry not in project.files and project.configured_in:
            yield _of_option(project, name, options.entry)


def _of_command(process: Process) -> Finding:
    target = process.command.target
    assert target is not None
    wanted = target.endings[0]
    said = f"{process.command.server} starts {target.text}, and there is no {wanted}"
    return _finding(said, Location(process.command.path, process.command.line, note=f"{wanted} is not there"), target.text)


def _of_option(project: Project, name: str, entry: str) -> Finding:
    line = project.line_of(project.configured_in, entry)
    return _finding(f"the service {name} starts at {entry}, which is not there", Location(project.configured_in, line), entry)


def _finding(message: str, location: Location, subject: str) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service="",
        message=message,
        why=WHY,
        locations=(location,),
        subjects=(subject,),
    )
