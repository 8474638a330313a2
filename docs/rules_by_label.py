"""Print the table of docs/quality.md that says how each rule does on labelled repositories.

usage: python docs/rules_by_label.py LABELS.json CHECKOUTS

LABELS.json is a list of repositories with their services and, for each service, a verdict ("yes", "borderline" or "no") on
either family; CHECKOUTS holds one folder for each of them, "owner+name". Rules in preview run too.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.lint.rule import load_rules
from mlscaffold.resources import rules_folder

FAMILIES = {"MLS1": "all_in_one", "MLS2": "online_big_size"}
VERDICTS = ("yes", "borderline", "no")


def verdict(repository: dict[str, list[dict[str, dict[str, str]]]], family: str) -> str:
    """The strongest verdict on any service of a repository."""
    said = {service[family]["verdict"] for service in repository["services"]}
    return next((word for word in VERDICTS if word in said), "no")


def main(labels: Path, checkouts: Path) -> None:
    """Lint every repository once and print the table."""
    findings: Counter[str] = Counter()
    spoken: dict[str, Counter[str]] = defaultdict(Counter)
    for repository in json.loads(labels.read_text(encoding="utf-8")):
        folder = checkouts / str(repository["repo"]).replace("/", "+")
        codes = [finding.code for finding in lint(folder, Options(preview=True)).findings if finding.severity != "info"]
        findings.update(codes)
        for code in set(codes):
            if code[:4] in FAMILIES:
                spoken[code][verdict(repository, FAMILIES[code[:4]])] += 1
    print("| rule | findings | labelled yes | borderline | labelled no |")
    print("|---|---|---|---|---|")
    for rule in load_rules([rules_folder()]):
        if rule.code[:4] in FAMILIES and rule.severity != "info":
            counts = " | ".join(str(spoken[rule.code][word]) for word in VERDICTS)
            print(f"| {rule.code}{' (preview)' if rule.preview else ''} | {findings[rule.code]} | {counts} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
