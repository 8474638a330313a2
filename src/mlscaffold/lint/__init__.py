"""`lint(root, options) -> Report`: everything that the rules find under a folder."""

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
    from mlscaffold.lint.engine import run
    from mlscaffold.lint.workspace import Workspace

    options = options or Options()
    return run(Workspace(root, exclude=options.exclude, cache=options.cache), options)
