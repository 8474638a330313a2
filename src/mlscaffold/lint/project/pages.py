"""Streamlit's pages: the scripts that the one which is started shows, each run from top to bottom for each visitor."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from mlscaffold.lint.project.source import Source, last_name
from mlscaffold.lint.syntax import Constant


def pages_of(script: str, source: Source, python: Collection[str]) -> list[str]:
    """The pages that a script names with `st.Page("…")`, or else those of the folder `pages` beside it."""
    folder = posixpath.dirname(script)
    if named := _named(script, source):
        paths = [posixpath.normpath(posixpath.join(folder, name)) for name in named]
        return [path for path in dict.fromkeys(paths) if path in python and path != script]
    beside = posixpath.join(folder, "pages")
    return sorted(path for path in python if posixpath.dirname(path) == beside)


def _named(script: str, source: Source) -> list[str]:
    module = source.module(script)
    calls = (call for _, _, call in module.calls() if last_name(call.function) == "Page") if module else ()
    given = (call.arguments[0] for call in calls if call.arguments)
    return [part.value for part in given if isinstance(part, Constant) and isinstance(part.value, str)]
