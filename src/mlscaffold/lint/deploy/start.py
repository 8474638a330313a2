"""Commands -> processes: the files of the repository that they mean, the scripts and the settings that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from mlscaffold.light import dataclass, expression, replace
from mlscaffold.lint.deploy.command import commands, expanded, scripts_of
from mlscaffold.lint.deploy.process import Command, Figure, Process, Source, Target
from mlscaffold.lint.deploy.quantity import seconds_of

Started = str | tuple[str, ...]
DEEPEST_SCRIPTS = 3  # a script that runs a script that runs a script
MOST_LINES = 2_000

_SET = expression(r"^\s*(?:export\s+)?([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)\s*$")
_STARTS = expression(
    r"python|uvicorn|gunicorn|hypercorn|daphne|granian|waitress|uwsgi|celery|streamlit|fastapi|flask|bentoml|litestar|sanic|chainlit"
    r"|dramatiq|taskiq|arq|rq |serve |\.py|\.sh|entrypoint"
)  # a look that spares the words of most lines
_SETTING = expression(r"^(workers|threads|timeout|preload_app)\s*=\s*(.+?)\s*(?:#.*)?$", re.MULTILINE)
_FROM_ENVIRONMENT = expression(r"(?:getenv|environ\.get)\(\s*[\"'](\w+)[\"']\s*(?:,\s*[\"']?([\w.]+)[\"']?)?\s*\)")
_INI = expression(r"^\s*(processes|workers|threads|module|wsgi-file|lazy-apps|harakiri)\s*=\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the container that a command runs in. `context` is the folder of the repository that it is built from."""

    source: Source
    name: str
    container: str
    context: str = ""
    folder: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    memory: Figure | None = None
    replicas: int | None = None
    port: int | None = None
    fetched: bool = False
    schedule_s: Figure | None = None
    timeout_s: Figure | None = None


class Starts:
    """Makes processes. `python` and `config` are the repository's files, `read` gives a file's bytes, or None."""

    def __init__(self, python: Iterable[str], config: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self.read = read
        self._python = frozenset(python)
        self._files = (*sorted(self._python), *sorted(config))
        self._by_name: dict[str, list[str]] = {}
        for path in self._files:
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)
        self._tops = {part for path in self._python for part in path.removesuffix(".py").split("/")}
        self.followed: set[str] = set()  # the scripts that something runs

    def processes(self, started: Started, path: str, line: int, around: Around, depth: int = 0) -> Iterator[Process]:
        """What a command starts, directly and through the scripts that it runs."""
        known = dict(around.environment)
        for command in commands(started, path, line, known):
            yield self.of(command, around)
        for script in scripts_of(started, known) if depth < DEEPEST_SCRIPTS else ():
            found = self.located(script, around)
            if found is not None and found != path:
                self.followed.add(found)
                yield from self.script(found, around, depth + 1)

    def script(self, path: str, around: Around, depth: int = 0) -> Iterator[Process]:
        """What the lines of a shell script start."""
        text = (self.read(path) or b"").decode(errors="replace")
        known = dict(around.environment)
        arms: list[int] = []
        for number, line in _logical(text):
            word = line.split(None, 1)[0] if line.strip() else ""
            if word in ("if", "case"):
                arms.append(number)
            elif word in ("fi", "esac") and arms:
                arms.pop()
            elif word in ("else", "elif") and arms:
                arms[-1] = number
            if assigned := _SET.match(line):
                known[assigned[1]] = expanded(assigned[2].strip("\"'"), known)
                continue
            if not _STARTS.search(line):
                continue
            # What stands in different arms never runs together.
            container = f"{around.container}#{arms[-1]}" if arms else around.container
            within = replace(around, environment=tuple(known.items()), container=container)
            line = re.sub(r"^\s*(then|else|do|elif)\s", "", line)
            yield from self.processes(line, path, number, within, depth)

    def located(self, name: str, around: Around) -> str | None:
        """The file of the repository that a container knows by this name."""
        found = self._ending(_inner(name, around.folder), around.context)
        return found[0] if found else None

    def of(self, command: Command, around: Around) -> Process:
        """The process of one command."""
        command = self._configured(command, around)
        entries = self._entries(command.target, around)
        if command.timeout_s is None and around.timeout_s is not None:
            command = replace(command, timeout_s=around.timeout_s)
        return Process(
            source=around.source,
            name=around.name,
            container=around.container,
            command=command if command.port else replace(command, port=around.port),
            entries=entries,
            # `bentoml serve name:latest` starts what was built before, not a module
            missing=not entries and command.server != "bentoml" and self._is_missing(command.target, around),
            memory=around.memory,
            replicas=around.replicas,
            environment=around.environment,
            schedule_s=around.schedule_s,
        )

    # -- files -----------------------------------------------------------------------------------------------------

    def _entries(self, target: Target | None, around: Around) -> tuple[str, ...]:
        if target is None:
            return ()
        endings = [_inner(ending, around.folder) for ending in target.endings]
        if target.kind == "script" and target.text.startswith("/"):  # where an image keeps it, the repository does not
            parts = endings[0].split("/")
            endings += ["/".join(parts[place:]) for place in range(1, len(parts))]
        for ending in endings:
            found = [path for path in self._ending(ending, around.context) if path in self._python]
            if found:
                return tuple(found)
        return ()

    def _ending(self, wanted: str, context: str) -> list[str]:
        """Of the files that end so, the one in the context, or nearest to it; of several equals none."""
        ending = self._all_ending(wanted)
        exact = f"{context}/{wanted}" if context else wanted
        if exact in ending:
            return [exact]
        shared = {path: _shared(path, context) for path in ending}
        best = [path for path in ending if shared[path] == max(shared.values())]
        flat = min((path.count("/") for path in best), default=0)
        best = [path for path in best if path.count("/") == flat]
        return best if len(best) == 1 else []

    def _all_ending(self, wanted: str) -> list[str]:
        return [path for path in self._by_name.get(wanted.rpartition("/")[2], ()) if f"/{path}".endswith(f"/{wanted}")]

    def _is_missing(self, target: Target | None, around: Around) -> bool:
        """Whether it should be in the repository and is not; what an image may bring along is not missed."""
        if target is None or around.fetched or not self._python:
            return False
        if target.kind == "script" and (target.text.startswith("/") or "$" in target.text):
            return False
        top, dot, _ = target.text.partition(".")
        if target.kind != "script" and top not in self._tops and (dot or target.kind == "module"):
            return False
        if any(self._all_ending(ending) for ending in target.endings):
            return False  # which of several it means, nobody knows
        inside = f"{around.context}/" if around.context else ""
        if not any(path.startswith(inside) for path in self._python):
            return False  # a folder of deploy files: what it is built with comes from another
        names = {ending.rpartition("/")[2] for ending in target.endings}
        return not any(path.startswith(inside) for name in names for path in self._by_name.get(name, ()))

    # -- settings of servers ---------------------------------------------------------------------------------------

    def _configured(self, command: Command, around: Around) -> Command:
        """The command with what its configuration file says; what the command line says goes first."""
        if command.server == "gunicorn":
            name = command.config.removeprefix("file:") or "gunicorn.conf.py"
            path = self.located(name, around)
            if path is None or (not command.config and path != _joined(around.context, "gunicorn.conf.py")):
                return command
            return _with_gunicorn(command, path, self.read(path) or b"", dict(around.environment))
        if command.server == "uwsgi" and command.config and (path := self.located(command.config, around)):
            return _with_uwsgi(command, path, self.read(path) or b"")
        return command


def _with_gunicorn(command: Command, path: str, content: bytes, environment: Mapping[str, str]) -> Command:
    text = content.decode(errors="replace")
    for found in _SETTING.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        value = _constant(found[2], environment)
        seconds = seconds_of(value)
        if found[1] == "preload_app":
            command = replace(command, preload=command.preload or value == "True")
        elif found[1] == "timeout" and command.timeout_s is None and seconds is not None:
            command = replace(command, timeout_s=Figure(seconds, path, line))
        elif found[1] == "workers" and command.workers is None and value.isdecimal():
            command = replace(command, workers=Figure(float(value), path, line))
        elif found[1] == "threads" and command.threads is None and value.isdecimal():
            command = replace(command, threads=Figure(float(value), path, line))
    return command


def _constant(text: str, environment: Mapping[str, str]) -> str:
    """The text of a constant of a Python settings file, or what the environment or its default sets."""
    asked = _FROM_ENVIRONMENT.search(text)
    if asked:
        return environment.get(asked[1]) or asked[2] or ""
    return text.strip("\"' ")


def _with_uwsgi(command: Command, path: str, content: bytes) -> Command:
    text = content.decode(errors="replace")
    for found in _INI.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found[1] in ("processes", "workers") and command.workers is None and found[2].isdecimal():
            command = replace(command, workers=Figure(float(found[2]), path, line))
        elif found[1] == "threads" and command.threads is None and found[2].isdecimal():
            command = replace(command, threads=Figure(float(found[2]), path, line))
        elif found[1] == "lazy-apps":
            command = replace(command, preload=found[2] not in ("true", "1"))
        elif found[1] == "wsgi-file" and command.target is None:
            command = replace(command, target=Target("script", found[2]))
        elif found[1] == "module" and command.target is None:
            command = replace(command, target=Target("application", found[2].partition(":")[0]))
    return command


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a script, continued ones joined, with the number of the first."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines()[:MOST_LINES], 1):
        start = start if pending else number
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1] + " "
            continue
        yield start, pending + line
        pending = ""
    if pending:
        yield start, pending


def _inner(name: str, folder: str) -> str:
    """A path inside a container, relative to the folder that it runs in."""
    if folder and name.startswith(folder.rstrip("/") + "/"):
        name = name[len(folder.rstrip("/")) + 1 :]
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".", "..")]
    return "/".join(parts)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _shared(path: str, folder: str) -> int:
    count = 0
    for left, right in zip(path.split("/")[:-1], folder.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count
