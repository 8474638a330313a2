"""Dockerfiles: what the last stage starts, with which environment and in which folder."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import dataclass, expression, field
from mlscaffold.lint.deploy.command import expanded, words_of

_HEREDOC = expression(r"<<-?\s*[\"']?(\w+)[\"']?")
_FETCHES = expression(r"git clone|\bwget\b|\bcurl\b|\bunzip\b|\btar \S*x")
_FROM_ELSEWHERE = expression(r"--from=|://")
_PAIR = expression(r"^\w+=")


@dataclass(slots=True)
class Stage:
    """One stage of a build. A command is a text (shell form) or its words (exec form), with its line."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str | tuple[str, ...], int] | None = None
    command: tuple[str | tuple[str, ...], int] | None = None
    folder: str = ""
    port: int | None = None
    fetched: bool = False  # whether it brings in code that is not in the repository

    @property
    def started(self) -> tuple[str | tuple[str, ...], int] | None:
        """What a container of it runs: the entry point with the command as its arguments."""
        if self.entrypoint is None:
            return self.command
        first, line = self.entrypoint
        if self.command is None or isinstance(first, str):
            return first, line
        second, other = self.command
        rest = tuple(words_of(second)) if isinstance(second, str) else second
        return (*first, *rest), other


def stages(content: bytes) -> list[Stage]:
    """The stages of a Dockerfile, in order; a stage starts with what the one it is built from has."""
    found: list[Stage] = []
    outer: dict[str, str] = {}
    for word, rest, line in _instructions(content):
        if word == "FROM":
            found.append(_stage(rest, found, outer))
            continue
        if not found:
            if word == "ARG":
                _set(outer, rest)
            continue
        _apply(found[-1], word, rest, line)
    return found


def _stage(rest: str, known: list[Stage], outer: dict[str, str]) -> Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    base = expanded(words[0], outer) if words else ""
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    parent = next((stage for stage in reversed(known) if stage.name and stage.name == base), None)
    if parent is None:
        return Stage(name)
    return Stage(name, dict(parent.environment), parent.entrypoint, parent.command, parent.folder, parent.port, parent.fetched)


def _apply(stage: Stage, word: str, rest: str, line: int) -> None:
    if word in ("ENV", "ARG"):
        _set(stage.environment, rest)
    elif word == "WORKDIR":
        stage.folder = expanded(rest.strip(), stage.environment)
    elif word == "EXPOSE":
        number = expanded(rest, stage.environment).split("/")[0].strip()
        stage.port = int(number) if number.isdecimal() else stage.port
    elif word == "ENTRYPOINT":
        stage.entrypoint, stage.command = (_form(rest), line), None
    elif word == "CMD":
        stage.command = (_form(rest), line)
    elif (word == "RUN" and _FETCHES.search(rest)) or (word in ("COPY", "ADD") and _FROM_ELSEWHERE.search(rest)):
        stage.fetched = True


def _set(environment: dict[str, str], rest: str) -> None:
    words = words_of(rest)
    if words and not _PAIR.match(words[0]):  # ENV NAME value, ARG NAME
        name, _, value = rest.strip().partition(" ")
        words = [f"{name}={value.strip()}"] if value else []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and value:
            environment[name] = expanded(value, environment)


def _form(rest: str) -> str | tuple[str, ...]:
    if rest.lstrip().startswith("["):
        import json

        try:
            words = json.loads(rest)
        except (ValueError, RecursionError):
            return rest
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
    return rest


def _instructions(content: bytes) -> Iterator[tuple[str, str, int]]:
    """(word, rest, line) with continued lines joined; here-documents are left out."""
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    place = 0
    while place < len(lines):
        start, text = place, ""
        while place < len(lines):
            line = lines[place].rstrip()
            place += 1
            if line.lstrip().startswith("#") or (text and not line.strip()):
                continue
            text += line.removesuffix("\\")
            if not line.endswith("\\"):
                break
            text += " "
        heredoc = _HEREDOC.search(text)
        if heredoc:
            while place < len(lines) and lines[place].strip() != heredoc[1]:
                place += 1
            place += 1
        word, _, rest = text.strip().partition(" ")
        if word:
            first = next((n for n in range(start, place) if n < len(lines) and lines[n].lstrip().startswith(word)), start)
            yield word.upper(), rest.strip(), first + 1
