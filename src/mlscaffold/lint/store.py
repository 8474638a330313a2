"""Small files in the user's cache directory, where a repository that is linted cannot plant anything."""

import contextlib
import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """`$MLSCAFFOLD_CACHE_DIR`, else `$XDG_CACHE_HOME/mlscaffold`, else `~/.cache/mlscaffold`."""
    named = os.environ.get("MLSCAFFOLD_CACHE_DIR")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "mlscaffold" if home else Path.home() / ".cache" / "mlscaffold"


def read_bytes(name: str) -> bytes | None:
    """What was kept under the name; None when there is nothing that can be read."""
    try:
        return (cache_folder() / name).read_bytes()
    except OSError:
        return None


def write_bytes(name: str, content: bytes) -> None:
    """Keep it, whole or not at all. A cache that cannot be written is no error: the run is only slower."""
    target = cache_folder() / name
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(scratch).replace(target)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
