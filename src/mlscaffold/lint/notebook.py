"""Notebooks as Python: the code cells, each line where it stands in the file.

A notebook that is written as Jupyter writes it has every source line on a line of its own: locations then are real lines of
the `.ipynb`. In any other form (one long line of JSON) the lines of the code cells are counted one after the other. Magics,
shell lines, cells in other languages and cells that are no Python are left out.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Sequence

from mlscaffold.light import dataclass, expression

_MAGIC = expression(r"^(\s*)([%!?]|\w+\?$)")
_CAPTURED = expression(r"^(\s*[\w, ]+=\s*)[%!]")
_OF_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")


class NoNotebook(ValueError):
    """The content is no notebook; `str(error)` is the reason."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """The code, and for each of its lines (from 1) the cell and the line in it."""

    code: bytes
    places: dict[int, tuple[int, int]]


def read(content: bytes) -> Notebook:
    """The code cells of a notebook.

    Raises:
        NoNotebook: no JSON, or no cells in it.
    """
    try:
        text = content.decode("utf-8-sig")
        held = json.loads(text)
        cells = held["cells"] if "cells" in held else held["worksheets"][0]["cells"]
        sources = [_lines(cell.get("source", cell.get("input", []))) for cell in cells]
        kinds = [cell["cell_type"] for cell in cells]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NoNotebook(f"no notebook: {type(error).__name__}: {error}") from error
    rows = _rows(text.split("\n"), sources)
    written: dict[int, str] = {}
    places: dict[int, tuple[int, int]] = {}
    numbered = [(number, source) for number, (source, kind) in enumerate(zip(sources, kinds, strict=True), 1) if kind == "code"]
    following = 1
    for number, source in numbered:
        for line, part in enumerate(_python(source), 1):
            row = rows[number - 1][line - 1] if rows is not None else following
            written[row] = part
            places[row] = (number, line)
            following += 1
    last = max(written, default=0)
    return Notebook("\n".join(written.get(row, "") for row in range(1, last + 1)).encode() + b"\n", places)


def _lines(source: object) -> list[str]:
    """The lines of a cell, without their ends."""
    text = source if isinstance(source, str) else "".join(str(line) for line in source) if isinstance(source, list) else ""
    return text.split("\n") if text else []


def _rows(lines: Sequence[str], sources: Sequence[Sequence[str]]) -> list[list[int]] | None:
    """The line of the file of each line of each cell; None where they do not stand on lines of their own."""
    found: list[list[int]] = []
    row = 0
    for source in sources:
        if not source:
            found.append([])
            continue
        start = next((start for start in _starts(lines, row) if _stands(lines, start, source)), None)
        if start is None:
            return None
        found.append([start + place + 1 for place in range(len(source))])
        row = start + len(source)
    return found


def _starts(lines: Sequence[str], row: int) -> Iterator[int]:
    """The lines below `"source": [`."""
    return (number + 1 for number in range(row, len(lines)) if lines[number].strip() in ('"source": [', '"input": ['))


def _stands(lines: Sequence[str], start: int, source: Sequence[str]) -> bool:
    for place, wanted in enumerate(source):
        if start + place >= len(lines):
            return False
        try:
            said = json.loads(lines[start + place].strip().removesuffix(","))
        except ValueError:
            # an empty last line (the text before it ends in a newline) stands nowhere
            return not wanted and place == len(source) - 1
        if not isinstance(said, str) or said.removesuffix("\n") != wanted:
            return not wanted and place == len(source) - 1
    return True


def _python(source: Sequence[str]) -> list[str]:
    """The lines of a cell as Python; empty lines where they are none."""
    if source and source[0].startswith("%%") and not source[0].startswith(_OF_PYTHON):
        return [""] * len(source)
    lines = [_plain(line) for line in source]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [""] * len(source)
    return lines


def _plain(line: str) -> str:
    captured = _CAPTURED.match(line)
    if captured:
        return f"{captured[1]}None"
    magic = _MAGIC.match(line)
    return f"{magic[1]}pass" if magic else line
