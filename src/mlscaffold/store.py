"""Small files in the user's cache directory, where a repository that is linted cannot plant anything.

Every file carries the hash of what it holds: one that was damaged, cut short or written by somebody else is as good as none.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Iterable, Sequence
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


def digest_of(*contents: bytes) -> bytes:
    """20 bytes that stand for the contents, each of them whole."""
    digest = blake2b(digest_size=_DIGEST)
    for content in contents:
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.digest()


def read_sealed(path: Path) -> bytes | None:
    """What was kept at a place, as it was written; None when there is nothing that can be trusted."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    held = content[_DIGEST:]
    return held if content[:_DIGEST] == digest_of(held) else None


def write_sealed(path: Path, held: bytes) -> bool:
    """Keep it, whole or not at all. A cache that cannot be written is no error: the run is only slower."""
    return _write(path, digest_of(held) + held)


def read_value(name: str, folder: Path | None = None) -> object:
    """The plain value that was kept under the name, or None."""
    held = read_sealed((folder or cache_folder()) / name)
    try:
        # A sound hash means that `write_value` made it: only then is it safe to unmarshal.
        return None if held is None else marshal.loads(held)  # noqa: S302
    except (ValueError, EOFError, TypeError):
        return None


def write_value(name: str, value: object, folder: Path | None = None) -> bool:
    """Keep a plain value."""
    try:
        held = marshal.dumps(value)  # type: ignore[arg-type]
    except ValueError:  # holds something that is not plain
        return False
    return write_sealed((folder or cache_folder()) / name, held)


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


def prune(files: Iterable[Path], *, most: int) -> None:
    """Drop the files that were written longest ago, where there are more than `most`."""
    found = list(files)
    if len(found) <= most:
        return
    with suppress(OSError):  # another run prunes at the same time
        for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)[:-most]:
            path.unlink(missing_ok=True)


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
