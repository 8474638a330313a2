"""`lint(root, options) -> Report`: a run that was made before on the same content is remembered, any other is made."""

from __future__ import annotations

from pathlib import Path

from mlscaffold.lint.config import Options
from mlscaffold.lint.finding import Report


def lint(root: Path, options: Options | None = None) -> Report:
    """Everything that the rules find under a folder.

    Raises:
        TargetUnreadable: the folder cannot be read at all.
        ConfigInvalid: an option names no rule.
        RuleInvalid: a rule or the catalogue cannot be loaded.
    """
    # Imported here: whoever needs one value of this package does not pay for the pipeline.
    from mlscaffold.lint.cache import Cache
    from mlscaffold.lint.workspace import Workspace

    options = options or Options()
    cache = Cache(enabled=options.cache)
    workspace = Workspace(root, cache, exclude=options.exclude)
    key = cache.key_of(workspace, options)
    report = cache.report(key)
    if report is None:
        from mlscaffold.lint.engine import run

        report = run(workspace, options)
        cache.keep(key, report)
    return report
