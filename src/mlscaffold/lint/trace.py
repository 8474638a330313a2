"""What a run asked of each file, and whether a later run would get the same answers.

A run asks three things of a file: whether it may make a server (every Python file), what its facts are (those that a server
reaches), what stands in it (deploy files, notebooks, files with comments for us, files that cannot be read). A file whose content
is another holds where the answers to what was asked of it are the same.
"""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.glance import names_server

if TYPE_CHECKING:
    from mlscaffold.lint.workspace import Workspace

LOOKED, SERVES, PARSED, WHOLE = 0, 1, 2, 4
# path -> the hash of its content, what was asked of it or seen in it, what stands for its facts where these are not kept
Trace = dict[str, tuple[bytes, int, bytes]]


def taken(workspace: Workspace) -> Trace:
    """What this run asked."""
    listing = workspace.listing
    python = frozenset(listing.python)
    paths = dict.fromkeys((*listing.python, *listing.notebooks, *listing.config, *sorted(workspace.asked_whole)))
    said = workspace.said()
    return {
        path: (workspace.stamp_once(path), _asked(workspace, path) if path in python else WHOLE, said.get(path, b""))
        for path in paths
    }


def _asked(workspace: Workspace, path: str) -> int:
    if path in workspace.asked_whole or workspace.was_skipped(path) or workspace.may_hide(path):
        return WHOLE
    return SERVES * workspace.names_server(path, names_server) + PARSED * (path in workspace.asked_facts)


def holds(workspace: Workspace, trace: Trace) -> bool:
    """Whether every file still answers as it did."""
    changed = [(path, *before) for path, before in trace.items() if workspace.stamp_once(path) != before[0]]
    if any(asked & WHOLE for _, _, asked, _ in changed):
        return False
    return all(_answers(workspace, *known) for known in sorted(changed, key=lambda known: known[2]))


def _answers(workspace: Workspace, path: str, digest: bytes, asked: int, said: bytes) -> bool:
    serves = workspace.names_server(path, names_server)
    if workspace.was_skipped(path) or workspace.may_hide(path) or serves != bool(asked & SERVES):
        return False
    return not asked & PARSED or workspace.says_the_same(path, digest, said)
