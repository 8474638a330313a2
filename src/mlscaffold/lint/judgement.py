"""What the rules find in a repository, whatever comments, a baseline or a choice of files then leave of it; kept between runs.

What is kept holds where the same was asked and every file still gives the answer that it gave: see `trace`. Files that nobody
serves may change as they like, and so may comments in those that somebody does; how a finding is shown is made anew.
"""

from __future__ import annotations

import _pickle  # as in `kept`
import os
import sys
from collections.abc import Callable

from mlscaffold import __version__
from mlscaffold.light import TYPE_CHECKING, cast, dataclass, replace
from mlscaffold.lint.cache import FORMAT, own_files
from mlscaffold.lint.finding import Finding, SkippedFile
from mlscaffold.lint.kept import loaded
from mlscaffold.lint.service import Service
from mlscaffold.lint.trace import holds, taken
from mlscaffold.store import digest_of, read_value, write_value

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.workspace import Workspace

_OURS = ("mlscaffold.lint.judgement", "mlscaffold.lint.finding", "mlscaffold.lint.service", "mlscaffold.patterns")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings by place; `commented` are the files with a comment that may hide some of them."""

    findings: tuple[Finding, ...]
    services: tuple[Service, ...]
    skipped: tuple[SkippedFile, ...]
    files_read: int
    commented: tuple[str, ...]


def place(finding: Finding) -> tuple[str, int, str, str]:
    """The order of findings."""
    return (finding.primary.path, finding.primary.line, finding.code, finding.service)


def judged(workspace: Workspace, options: Options, make: Callable[[], Judgement]) -> Judgement:
    """What `make` gives, or gave where nothing has changed that it asked for."""
    if options.measure or not workspace.stamped:  # nothing is remembered
        return make()
    asked = replace(options, files=None, per_file_ignores={}, fail_on="warning", baseline=None, jobs=1)
    root = os.path.realpath(workspace.root)
    name = f"judged-{digest_of(os.fsencode(root), repr(asked).encode(errors='surrogateescape')).hex()}"
    key = _key_of(workspace, asked)
    kept = _sound(read_value(name), key, workspace)
    if kept is not None:
        workspace.judged_before = True
        return kept
    made = make()
    if workspace.settled:
        write_value(name, (key, taken(workspace), workspace.weights, _pickle.dumps(made, protocol=5)))
    return made


def _sound(kept: object, key: bytes, workspace: Workspace) -> Judgement | None:
    match kept:
        case (bytes() as before, dict() as trace, dict() as weights, bytes() as content) if before == key:
            if all(workspace.weighed(path) == found for path, found in weights.items()) and holds(workspace, trace):
                workspace.weights.update(weights)
                workspace.asked_whole.update(path for path in trace if path not in workspace.listing.others)
                return cast("Judgement | None", loaded(content, _OURS))
    return None


def _key_of(workspace: Workspace, options: Options) -> bytes:
    """The hash of what a judgement depends on besides the content of the repository's files."""
    listing = workspace.listing
    said = (FORMAT, __version__, sys.version, repr(listing.skipped), own_files(), *sorted(listing.others))
    extra = [path.read_bytes() for folder in options.rules for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".md")]
    extra += [path.read_bytes() for path in options.catalog]
    return digest_of("\0".join(said).encode(errors="surrogateescape"), *extra)
