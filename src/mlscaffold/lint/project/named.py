"""What `[tool.mlscaffold.lint.services.<id>]` says: names for deployables that are found, and ones that no code shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlscaffold.errors import ConfigInvalid
from mlscaffold.lint.catalog import ServerEntry
from mlscaffold.lint.config import ServiceOptions, near
from mlscaffold.lint.deploy.process import Process
from mlscaffold.lint.project.deployable import Deployable
from mlscaffold.lint.project.entries import Start
from mlscaffold.lint.project.values import Site

NOTHING = ServiceOptions()


def named(found: str, path: str, services: Mapping[str, ServiceOptions]) -> tuple[str, ServiceOptions]:
    """The id and the options of a deployable: the options with its entry file rename it, those under its id are its own."""
    for name, options in services.items():
        if options.entry == path:
            return name, options
    return found, services.get(found, NOTHING)


def added(
    groups: Sequence[tuple[Start, Site]],
    services: Mapping[str, ServiceOptions],
    processes: Iterable[Process],
    python: frozenset[str],
) -> list[tuple[Start, Site]]:
    """Deployables that no code shows: entries of the options, and files that a schedule runs."""
    known = {site.path for _, site in groups}
    wanted = {
        options.entry: "web" if options.mode == "online" else "batch" if options.mode == "batch" else "cli"
        for options in services.values()
        if options.entry
    }
    for process in processes:
        if process.schedule_s is not None:
            wanted.update((path, "batch") for path in process.entries if path not in wanted)
    return [script(path, kind) for path, kind in sorted(wanted.items()) if path in python and path not in known]


def script(path: str, kind: str) -> tuple[Start, Site]:
    """A deployable that runs a file from top to bottom."""
    server = ServerEntry(framework="", kind=kind, plain="thread", stream=False, setup=(), answer=())
    site = Site(path, 1)
    return Start(site, server), site


def unknown(services: Mapping[str, ServiceOptions], made: Iterable[Deployable]) -> None:
    """Complain of options for a deployable that is not there.

    Raises:
        ConfigInvalid: an id without an entry is none that was found.
    """
    ids = [known.id for known in made]
    for name, options in services.items():
        if not options.entry and name not in ids and not any(known.startswith(f"{name}@") for known in ids):
            hint = near(name, ids) if ids else "; no service was found"
            raise ConfigInvalid(f"services.{name}: there is no such service{hint}; a file of its own is named with entry = …")
