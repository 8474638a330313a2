"""Print the table of docs/quality.md that says how each rule does on labelled repositories.

usage: python docs/rules_by_label.py LABELS.json CHECKOUTS

LABELS.json is a list of repositories with their services: their files ("entry", and "where" of models and handlers, as
path:line) and a verdict ("yes", "borderline" or "no") on either family. CHECKOUTS holds one folder for each, "owner+name".
Where only some services of a repository are labelled ("labelled": "partial…"), only findings in their files are counted. Rules
in preview run too.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.rule import load_rules
from mlscaffold.resources import rules_folder

FAMILIES = {"MLS1": "all_in_one", "MLS2": "online_big_size"}
VERDICTS = ("yes", "borderline", "no")
Labels = dict[str, Any]


def verdict(repository: Labels, family: str) -> str:
    """The strongest verdict on any service of a repository."""
    said = {service[family]["verdict"] for service in repository["services"]}
    return next((word for word in VERDICTS if word in said), "no")


def files(repository: Labels) -> Iterator[str]:
    """The files of the labelled services."""
    for service in repository["services"]:
        for place in (service["entry"], *(part["where"] for part in (*service["models"], *service["handlers"]))):
            yield str(place or "").partition(" ")[0].rpartition(":")[0]


def judged(repository: Labels, findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings that the labels say something of."""
    loud = [finding for finding in findings if finding.severity != "info" and finding.code[:4] in FAMILIES]
    if not str(repository.get("labelled", "")).startswith("partial"):
        return loud
    known = set(files(repository))
    return [finding for finding in loud if any(at.path in known for at in finding.locations)]


def main(labels: Path, checkouts: Path) -> None:
    """Lint every repository once and print the table."""
    counted: Counter[str] = Counter()
    spoken: dict[str, Counter[str]] = defaultdict(Counter)
    for repository in json.loads(labels.read_text(encoding="utf-8")):
        folder = checkouts / str(repository["repo"]).replace("/", "+")
        found = judged(repository, lint(folder, Options(preview=True)).findings)
        counted.update(finding.code for finding in found)
        for code in {finding.code for finding in found}:
            spoken[code][verdict(repository, FAMILIES[code[:4]])] += 1
    print("| rule | findings | labelled yes | borderline | labelled no |")
    print("|---|---|---|---|---|")
    for rule in load_rules([rules_folder()]):
        if rule.code[:4] in FAMILIES and rule.severity != "info":
            counts = " | ".join(str(spoken[rule.code][word]) for word in VERDICTS)
            print(f"| {rule.code}{' (preview)' if rule.preview else ''} | {counted[rule.code]} | {counts} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
