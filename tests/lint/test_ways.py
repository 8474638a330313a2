"""Ways to write the same thing: a rule finds it, or is quiet, however it is written. The programs stand in `ways`."""

import re
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

SECTION = re.compile(r"(?m)^## (\w+)\n(.*?)(?=^## |\Z)", re.DOTALL)
PROGRAM = re.compile(r"(?m)^### (.+?)\n```python\n(.*?)^```$", re.DOTALL)


def programs():
    """Rule, whether it speaks, name, source."""
    for page in sorted((Path(__file__).parent / "ways").glob("*.md")):
        sections = dict(SECTION.findall(page.read_text(encoding="utf-8")))
        around = sections.get("Around", "").replace("```python\n", "").replace("```\n", "")
        for heading in ("Found", "Quiet"):
            for name, source in PROGRAM.findall(sections.get(heading, "")):
                yield pytest.param(page.stem.partition("_")[0], heading == "Found", around + source, id=f"{page.stem}-{heading}-{name}")


PROGRAMS = list(programs())


@pytest.mark.parametrize(("code", "speaks", "source"), PROGRAMS)
def test_way(code, speaks, source, tmp_path):
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    report = lint(tmp_path, Options(select=(code,), cache=False))
    found = [finding.message for finding in report.findings if finding.severity != "info"]
    assert bool(found) == speaks, found


def test_there_are_programs():
    assert len(PROGRAMS) > 150
