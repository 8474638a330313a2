"""A Python file that matters and could not be read."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project

CODE = "MLS904"
NAME = "file-not-read"
SEVERITY: Final = "info"
WHY = "Models that it loads and handlers that it has are not counted: the other findings may be too few."


def check(project: Project) -> Iterator[Finding]:
    """One finding per file that a service imports, or that looks like a server, and that was skipped."""
    for path in project.unread:
        yield Finding(
            code=CODE,
            name=NAME,
            severity=SEVERITY,
            confidence="high",
            service=next((service.id for service in project.deployables if path in service.modules), ""),
            message=f"{path} was not read: {project.skipped(path) or 'no reason is known'}",
            why=WHY,
            locations=(Location(path, 1, note="nothing in it was looked at"),),
            subjects=(path,),
        )
