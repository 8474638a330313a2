"""Small files in the user's cache directory, where a repository that is linted cannot plant anything.

Every file carries the hash of what it holds: one that was damaged, cut short or written by somebody else is as good as none.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

try:
    from _blake2 import blake2b  # what hashlib would hand out, without the 2 ms that loading OpenSSL takes
except ImportError:
    from hashlib import blake2b

_DIGEST = 20  # bytes
_BESIDE_OUR_CODE = Path(__file__).parent / "__pycache__"


def cache_folder() -> Path:
    """`$MLSCAFFOLD_CACHE_DIR`, else `$XDG_CACHE_HOME/mlscaffold`, else `~/.cache/mlscaffold`."""
    named = os.environ.get("MLSCAFFOLD_CACHE_DIR")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "mlscaffold" if home else Path.home() / ".cache" / "mlscaffold"


def digest_of(*contents: bytes | memoryview) -> bytes:
    """20 bytes that stand for the contents, each of them whole."""
    digest = blake2b(digest_size=_DIGEST)
    for content in contents:
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.digest()


def read_value(name: str, folder: Path | None = None) -> object:
    """What was kept under the name: plain values, or None when there is nothing that can be trusted."""
    try:
        content = ((folder or cache_folder()) / name).read_bytes()
        held = memoryview(content)[_DIGEST:]
        # A sound hash means that `write_value` made it: only then is it safe to unmarshal.
        return marshal.loads(held) if content[:_DIGEST] == digest_of(held) else None  # noqa: S302
    except (OSError, ValueError, EOFError, TypeError):
        return None


def write_value(name: str, value: object, folder: Path | None = None) -> bool:
    """Keep plain values, whole or not at all. A cache that cannot be written is no error: the run is only slower."""
    try:
        held = marshal.dumps(value)  # type: ignore[arg-type]
    except ValueError:  # holds something that is not plain
        return False
    return _write((folder or cache_folder()) / name, digest_of(held) + held)


def _write(target: Path, content: bytes) -> bool:
    scratch = target.with_name(f".new-{os.getpid()}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            stream.write(content)
        scratch.replace(target)
    except OSError:
        with suppress(OSError):
            scratch.unlink()
        return False
    return True


def compiled(name: str, files: Sequence[Path], parse: Callable[[Path, bytes], object]) -> list[object]:
    """Each file parsed, in order. What the parser gave is kept, as bytecode is, until a byte of the files changes."""
    contents = [path.read_bytes() for path in files]
    key = digest_of(*contents)
    for folder in (_BESIDE_OUR_CODE, cache_folder()):
        kept = read_value(f"{name}.parsed", folder)
        if isinstance(kept, tuple) and len(kept) == 2 and kept[0] == key:
            return list(kept[1])
    parsed = [parse(path, content) for path, content in zip(files, contents, strict=True)]
    if sys.dont_write_bytecode or not write_value(f"{name}.parsed", (key, parsed), _BESIDE_OUR_CODE):
        write_value(f"{name}.parsed", (key, parsed))
    return parsed
