"""What deploy files start: the Python files that Dockerfiles, compose files, Procfiles, manifests and start scripts name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from mlscaffold.light import expression

_DEPLOY = expression(r"(^|/)(Dockerfile[^/]*|[^/]*\.dockerfile|Procfile|[^/]*\.(sh|ya?ml|toml|ini|cfg|conf))$", re.IGNORECASE)
_WORDS = b"python uvicorn gunicorn hypercorn daphne granian waitress celery streamlit fastapi litserve ray".split()
_WORD = expression(r"[A-Za-z0-9_./:-]+")
_MODULE = expression(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


def started(python: Iterable[str], config: Iterable[str], read: Callable[[str], bytes | None]) -> frozenset[str]:
    """Those of the Python files that a command in a deploy file names, as a script, by `-m`, or as `module:application`."""
    known = tuple(python)
    by_name: dict[str, list[str]] = {}
    for path in known:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    found: set[str] = set()
    for place in config:
        if not _DEPLOY.search(place):
            continue
        content = read(place) or b""
        for line in _command_lines(content):
            for wanted in _targets(line.decode(errors="replace")):
                found |= set(_nearest(wanted, place, by_name))
    return frozenset(found)


def _command_lines(content: bytes) -> Iterator[bytes]:
    """The lines in which something that starts Python stands; large manifests have a hundred thousand that have nothing."""
    lowered = content.lower()
    starts: set[int] = set()
    for word in _WORDS:
        place = lowered.find(word)
        while place >= 0:
            starts.add(lowered.rfind(b"\n", 0, place) + 1)
            end = lowered.find(b"\n", place)
            place = lowered.find(word, end) if end >= 0 else -1
    for start in starts:
        end = content.find(b"\n", start)
        yield content[start:] if end < 0 else content[start:end]


def _targets(line: str) -> Iterator[str]:
    """The files that a command line names, as the end of a path."""
    words = _WORD.findall(line)
    for before, word in zip(["", *words], words, strict=False):
        if word.endswith(".py"):
            yield word.lstrip("./")
        elif _MODULE.fullmatch(word):
            yield word.partition(":")[0].replace(".", "/") + ".py"
        elif before in ("-m", "-A", "--app"):
            yield word.replace(".", "/") + ".py"
            yield word.replace(".", "/") + "/__main__.py"


def _nearest(wanted: str, place: str, by_name: dict[str, list[str]]) -> list[str]:
    """Of the files that end so, those that share most folders with the deploy file: several packages may be called app."""
    ending = [path for path in by_name.get(wanted.rpartition("/")[2], ()) if path == wanted or path.endswith(f"/{wanted}")]
    if not ending:
        return []
    shared = {path: _shared(path, place) for path in ending}
    most = max(shared.values())
    return [path for path in ending if shared[path] == most]


def _shared(one: str, other: str) -> int:
    count = 0
    for left, right in zip(PurePosixPath(one).parent.parts, PurePosixPath(other).parent.parts, strict=False):
        if left != right:
            break
        count += 1
    return count
