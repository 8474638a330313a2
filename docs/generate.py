"""Fill the generated parts of the README: `python docs/generate.py`; with --check only say whether they are up to date."""

import re
import subprocess
import sys
from pathlib import Path

from mlscaffold.lint.rule import load_rules
from mlscaffold.patterns import catalogue
from mlscaffold.resources import rules_folder, templates_folder

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md",)
PLACE = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def patterns() -> str:
    """The catalogue as a table."""
    lines = ["| pattern | what it is | stamped |", "|---|---|---|"]
    for pattern in catalogue(templates_folder()):
        state = "refused" if pattern.refused else "yes" if pattern.stamped else "described"
        lines.append(f"| `{pattern.name}` | {pattern.summary} | {state} |")
    return "\n".join(lines) + "\n"


def rules() -> str:
    """The rules as a table."""
    lines = ["| code | name | finds |", "|---|---|---|"]
    for rule in load_rules([rules_folder()]):
        mark = " *(preview)*" if rule.preview else ""
        lines.append(f"| {rule.code} | [{rule.name}]({rule.page.relative_to(rules_folder().parent)}) | {rule.summary}{mark} |")
    return "\n".join(lines) + "\n"


def finding() -> str:
    """One finding of the example repository, as it is printed."""
    command = [sys.executable, "-m", "mlscaffold", "lint", "demo/helpdesk", "--select", "MLS103", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"```text\n{done.stdout}```\n"


PARTS = {"patterns": patterns, "rules": rules, "finding": finding}


def generated(text: str) -> str:
    """The text with every generated part made anew."""
    return PLACE.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], text)


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if generated(text) == text:
            continue
        stale.append(page.name)
        if "--check" not in arguments:
            page.write_text(generated(text), encoding="utf-8")
    if stale:
        print(f"{'out of date' if '--check' in arguments else 'written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
