"""Which files changed since a git revision."""

import subprocess
from pathlib import Path

from mlscaffold.errors import TargetUnreadable


def changed_files(root: Path, revision: str) -> tuple[str, ...]:
    """Paths relative to `root`: changed since the merge base with `revision`, in the work tree, or not tracked yet.

    Raises:
        TargetUnreadable: no git, no repository, or no such revision.
    """
    base = _git(root, "merge-base", "--end-of-options", revision, "HEAD").strip()
    changed = _git(root, "diff", "--name-only", "-z", "--relative", "--diff-filter=d", base, "--", ".")
    untracked = _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
    return tuple(sorted({name for name in (changed + untracked).split("\0") if name}))


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError as error:
        raise TargetUnreadable(f"--changed-since needs git: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise TargetUnreadable(f"--changed-since: git {arguments[0]} failed in {root}: {said[0] if said else 'no message'}")
    return done.stdout.decode(errors="surrogateescape")
