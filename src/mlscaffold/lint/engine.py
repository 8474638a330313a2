"""The pipeline on one screen: what the rules find -> the wanted findings -> suppressions -> baseline -> report."""

from __future__ import annotations

import time
from collections.abc import Iterable

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.finding import Finding, Report, SuppressedFinding
from mlscaffold.lint.judgement import Judgement, judged, place
from mlscaffold.lint.suppress import Suppression, apply, suppressions
from mlscaffold.resources import rules_folder

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.workspace import Workspace


def run(workspace: Workspace, options: Options) -> Report:
    """Everything that the rules find in a workspace.

    Raises:
        ConfigInvalid: an option names no rule.
        RuleInvalid: a rule or the catalogue cannot be loaded.
    """
    judgement = judged(workspace, options, lambda: _made(workspace, options))
    findings = [finding for finding in judgement.findings if _wanted(finding, options)]
    kept, suppressed = _suppressed(findings, _comments(judgement, workspace), options)
    fresh, known = _split(kept, options)
    return Report(
        root=str(workspace.given),
        services=judgement.services,
        findings=fresh,
        skipped=judgement.skipped,
        suppressed=suppressed,
        baselined=known,
        files_read=judgement.files_read,
    )


def _made(workspace: Workspace, options: Options) -> Judgement:
    from mlscaffold.lint.judge import judge  # the half of this program that a run on what is known does without

    return judge(workspace, options)


def _comments(judgement: Judgement, workspace: Workspace) -> list[Suppression]:
    return [comment for path in judgement.commented for comment in suppressions(path, workspace.text(path) or b"")]


def _suppressed(
    findings: list[Finding], comments: list[Suppression], options: Options
) -> tuple[list[Finding], tuple[SuppressedFinding, ...]]:
    """The findings that comments leave, with those about the comments; and those that they hide."""
    if not comments:
        return findings, ()
    from mlscaffold.lint.rule import chosen, load_rules

    rules = chosen(load_rules((rules_folder(), *options.rules)), options)
    ran = [word for rule in rules for word in (rule.code, rule.name)]
    outcome = apply(findings, comments, today=time.strftime("%Y-%m-%d", time.gmtime()), ran=ran)
    about = [finding for rule in rules for finding in rule.review(outcome) if _wanted(finding, options)]
    return sorted((*outcome.findings, *about), key=place), outcome.suppressed


def _split(findings: list[Finding], options: Options) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that are new, and those that the baseline knows."""
    if options.baseline is None:
        return tuple(findings), ()
    from mlscaffold.lint import baseline

    split = baseline.split(findings, baseline.read(options.baseline))
    return split.fresh, split.known


def _wanted(finding: Finding, options: Options) -> bool:
    if any(_ignored(finding, glob, codes) for glob, codes in options.per_file_ignores.items()):
        return False
    return options.files is None or any(location.path in options.files for location in finding.locations)


def _ignored(finding: Finding, glob: str, codes: Iterable[str]) -> bool:
    from fnmatch import fnmatch

    named = any(finding.code.startswith(word.upper()) or finding.name == word for word in codes)
    return named and fnmatch(finding.primary.path, glob)
