"""What the documents say is what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlscaffold.lint.rule import load_rules
from mlscaffold.resources import rules_folder

ROOT = Path(__file__).parents[1]
RULES = load_rules([rules_folder()])
HEADINGS = ["What it finds", "Why it hurts", "How sure we are", "Cases", "Way out", "Options"]


def test_the_generated_parts_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}: run python docs/generate.py"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_page_has_the_same_headings(rule: object) -> None:
    text = rule.page.read_text()  # type: ignore[attr-defined]
    assert text.startswith(f"# {rule.name} ({rule.code})\n")  # type: ignore[attr-defined]
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make (\w+)`", (ROOT / page).read_text()))
        assert named <= targets | {"run", "lint"}, page


def test_every_linked_file_exists() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "docs/quality.md"):
        text = (ROOT / page).read_text()
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"
