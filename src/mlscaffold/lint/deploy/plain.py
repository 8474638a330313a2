"""Procfiles, supervisor programs and systemd units: commands in lines."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import expression, replace
from mlscaffold.lint.deploy.command import words_of
from mlscaffold.lint.deploy.process import Figure, Process
from mlscaffold.lint.deploy.quantity import bytes_of
from mlscaffold.lint.deploy.start import Around, Starts

_PROC = expression(r"^\ufeff?([A-Za-z0-9_-]+):\s*(.+)$")
_BENTO = expression(r"^service:\s*[\"']?([\w.]+:\w+)")
_SECTION = expression(r"^\[(?:(\w+):)?([^\]]+)\]")
_KEY = expression(r"^\s*([A-Za-z_]+)\s*=\s*(.*)$")


def procfile(path: str, text: str, starts: Starts) -> Iterator[Process]:
    """One container for each line `name: command`."""
    folder = path.rpartition("/")[0]
    for number, line in enumerate(text.splitlines(), 1):
        if found := _PROC.match(line):
            around = Around("procfile", found[1], f"{path}:{found[1]}", folder)
            yield from starts.processes(found[2], path, number, around)


def bentofile(path: str, text: str, starts: Starts) -> Iterator[Process]:
    """The service that a bento is built around."""
    around = Around("dockerfile", "bento", path, path.rpartition("/")[0], fetched=True)
    for number, line in enumerate(text.splitlines(), 1):
        if found := _BENTO.match(line):
            yield from starts.processes(("bentoml", "serve", found[1]), path, number, around)


def supervisor(path: str, text: str, starts: Starts, around: Around | None = None) -> Iterator[Process]:
    """The programs of a supervisord configuration: one container for all of them."""
    outer = around or Around("supervisor", "", path, path.rpartition("/")[0])
    for _, name, keys in _sections(text, "program"):
        command, line = keys.get("command", ("", 0))
        environment = _assigned(keys.get("environment", ("", 0))[0].replace(",", " "))
        within = replace(
            outer,
            name=name,
            folder=keys.get("directory", (outer.folder, 0))[0],
            environment=(*outer.environment, *environment),
        )
        for process in starts.processes(command, path, line, within) if command else ():
            yield replace(process, command=replace(process.command, background=True))


def systemd(path: str, text: str, starts: Starts) -> Iterator[Process]:
    """What a unit runs, in the memory that it may have."""
    for _, _, keys in _sections(text, ""):
        command, line = keys.get("ExecStart", ("", 0))
        if not command:
            continue
        limit, at = keys.get("MemoryMax", keys.get("MemoryLimit", ("", 0)))
        size = bytes_of(limit)
        around = Around(
            "systemd",
            path.rpartition("/")[2].removesuffix(".service"),
            path,
            path.rpartition("/")[0],
            keys.get("WorkingDirectory", ("", 0))[0],
            _assigned(keys.get("Environment", ("", 0))[0]),
            memory=None if size is None else Figure(size, path, at),
        )
        yield from starts.processes(command, path, line, around)


def _sections(text: str, kind: str) -> Iterator[tuple[str, str, dict[str, tuple[str, int]]]]:
    """(kind, name, key -> (value, line)) of the sections of a kind."""
    head, name = "", ""
    keys: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _SECTION.match(line):
            if keys and head == kind:
                yield head, name, keys
            head, name, keys = found[1] or "", found[2], {}
        elif (pair := _KEY.match(line)) and not line.lstrip().startswith(("#", ";")):
            keys.setdefault(pair[1], (pair[2].strip(), number))
    if keys and head == kind:
        yield head, name, keys


def _assigned(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (word.partition("=") for word in words_of(text))
    return tuple((name, value) for name, equals, value in pairs if equals)
