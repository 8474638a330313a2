"""What the deploy files of a folder say, kept until one of them changes: they seldom do, and YAML is slow to read."""

from __future__ import annotations

import _pickle  # as in `kept`

from mlscaffold.light import cast
from mlscaffold.lint.cache import own_files
from mlscaffold.lint.deploy.process import Deployment
from mlscaffold.lint.kept import loaded
from mlscaffold.lint.workspace import Workspace
from mlscaffold.store import digest_of, read_value, write_value

_OURS = ("mlscaffold.lint.deploy.process", "mlscaffold.lint.finding")
Deployed = tuple[Deployment, frozenset[str]]


def deployed(workspace: Workspace) -> Deployed:
    """What is deployed, and the Python files that a deploy file starts."""
    if not workspace.stamped:
        return _read(workspace, {})
    listing = workspace.listing
    names = "\0".join((own_files(), *listing.python, "", *listing.config)).encode(errors="surrogateescape")
    key = digest_of(names)
    name = f"deployed-{digest_of(str(workspace.root).encode(errors='surrogateescape')).hex()}"
    kept = _sound(read_value(name), key, workspace)
    if kept is not None:
        return kept
    asked: dict[str, bytes | None] = {}
    found = _read(workspace, asked)
    write_value(name, (key, asked, _pickle.dumps(found, protocol=5)))
    return found


def _read(workspace: Workspace, asked: dict[str, bytes | None]) -> Deployed:
    """Read the deploy files; `asked` receives the hash of each file that was asked for."""
    from mlscaffold.lint.deploy.joined import deployment
    from mlscaffold.lint.deploy.mentions import started

    def read(path: str) -> bytes | None:
        content = workspace.config(path)
        asked[path] = None if content is None else digest_of(content)
        return content

    python, config = workspace.listing.python, workspace.listing.config
    return deployment(python, config, read), started(python, config, read)


def _sound(kept: object, key: bytes, workspace: Workspace) -> Deployed | None:
    """What was kept, where every file that was asked for is as it was."""
    match kept:
        case (bytes() as before, dict() as asked, bytes() as content) if before == key:
            if all(workspace.digest(path) == digest for path, digest in asked.items()):
                workspace.asked_whole.update(asked)
                return cast("Deployed | None", loaded(content, _OURS))
    return None
