"""Ways to write the same thing: a rule finds it, or is quiet, however it is written. The programs stand in `ways`."""

import re
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

SECTION = re.compile(r"(?m)^## (\w+)\n(.*?)(?=^## |\Z)", re.DOTALL)
PROGRAM = re.compile(r"(?m)^### (.+?)\n(.*?)(?=^### |\Z)", re.DOTALL)
CODE = re.compile(r"(?m)^```python\n(.*?)^```$", re.DOTALL)
FILE = re.compile(r"(?m)^`([^`\n]+)`\n```[a-z]*\n(.*?)^```$", re.DOTALL)


def programs():
    """Rule, whether it speaks, files."""
    for page in sorted((Path(__file__).parent / "ways").glob("*.md")):
        sections = dict(SECTION.findall(page.read_text(encoding="utf-8")))
        around = sections.get("Around", "").replace("```python\n", "").replace("```\n", "")
        for heading in ("Found", "Quiet"):
            for name, body in PROGRAM.findall(sections.get(heading, "")):
                files = dict(FILE.findall(body)) or {"app.py": around + CODE.findall(body)[0]}
                yield pytest.param(page.stem.partition("_")[0], heading == "Found", files, id=f"{page.stem}-{heading}-{name}")


PROGRAMS = list(programs())


@pytest.mark.parametrize(("code", "speaks", "files"), PROGRAMS)
def test_way(code, speaks, files, tmp_path):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    report = lint(tmp_path, Options(select=(code,), cache=False))
    found = [finding.message for finding in report.findings if finding.severity != "info"]
    assert bool(found) == speaks, found


def test_there_are_programs():
    assert len(PROGRAMS) > 400
