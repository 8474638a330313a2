"""The cases of the rule pages, read from their Markdown."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlscaffold.lint.config import Options, load

_FILE = re.compile(r"^`([^`\n]+)`\n```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"#\s*error:\s*\[(MLS\d{3})\]")


@dataclass(frozen=True)
class Case:
    """One heading of `## Cases`: its files, and where which code is expected."""

    page: Path
    name: str
    files: tuple[tuple[str, str], ...]
    marks: frozenset[tuple[str, int, str]]


def cases_of(page: Path) -> list[Case]:
    """Every case of a page."""
    cases = page.read_text(encoding="utf-8").partition("\n## Cases\n")[2].partition("\n## Way out\n")[0]
    parts = re.split(r"^### (.+)$", cases, flags=re.MULTILINE)
    return [_case(page, name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True)]


def _case(page: Path, name: str, body: str) -> Case:
    files = tuple(_FILE.findall(body))
    marks = frozenset(
        (path, number, code)
        for path, text in files
        for number, line in enumerate(text.splitlines(), 1)
        for code in _MARK.findall(line)
    )
    return Case(page, name, files, marks)


def options_in(folder: Path) -> Options:
    """The options of a case: those of its own configuration file."""
    path = folder / "mlscaffold.toml"
    return load(folder, path) if path.is_file() else Options()


def write(case: Case, folder: Path) -> None:
    """The files of a case."""
    for path, text in case.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
