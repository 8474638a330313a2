"""Bringing a rendering to its destination through a guard: all of it or nothing."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mlscaffold.errors import DestinationNotEmpty, DestinationUnwritable, TemplateInvalid

TOLERATED = frozenset({".git"})  # a fresh repository is an empty destination
STAGING_PREFIX = ".mlscaffold-partial-"


def check_destination(destination: Path) -> None:
    """Refuse a destination that holds anything, or that is no folder.

    Raises:
        DestinationNotEmpty: it holds files; nothing was written.
        DestinationUnwritable: it or a folder above it is a file.
    """
    for place in (destination, *destination.parents):
        if place.is_symlink() and not place.exists():
            raise DestinationUnwritable(f"{place}: is a link to nothing; choose another destination")
        if place.exists() and not place.is_dir():
            raise DestinationUnwritable(f"{place}: is a file; expected a folder, or a path that does not exist yet")
    if not destination.is_dir():
        return
    try:
        held = sorted(entry.name for entry in destination.iterdir() if entry.name not in TOLERATED)
    except OSError as error:
        raise DestinationUnwritable(f"{destination}: cannot be read: {error.strerror}") from error
    if held:
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        raise DestinationNotEmpty(
            f"{destination}: is not empty (it holds {', '.join(held[:3])}{more}); nothing was written. "
            f"Choose a new folder: mlscaffold new {destination.name}-2 …"
        )


def rendered_files(rendering: Path) -> Iterator[PurePosixPath]:
    """The files of a rendering, each checked by the guard.

    Raises:
        TemplateInvalid: a link, a device, or a path under `.git`.
    """
    for path in sorted(rendering.rglob("*")):
        inner = PurePosixPath(path.relative_to(rendering).as_posix())
        mode = path.lstat().st_mode
        if any(part.lower().rstrip(". ") == ".git" or part == ".." for part in inner.parts):
            raise TemplateInvalid(f"the template makes {inner}: nothing may be written under .git")
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise TemplateInvalid(f"the template makes {inner}, which is no plain file")
        yield inner


def fill(rendering: Path, destination: Path) -> None:
    """Write a rendering into an empty destination. When it fails or is interrupted nothing of it is left.

    Raises:
        DestinationNotEmpty, DestinationUnwritable: see `check_destination`; also no permission, no space.
        TemplateInvalid: see `rendered_files`.
    """
    files = list(rendered_files(rendering))
    check_destination(destination)
    made: list[Path] = []
    staging: Path | None = None
    done = False
    try:
        made = _make_parents(destination)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=destination))
        for inner in files:
            target = staging / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(rendering / inner, target)
            target.chmod(0o755 if (rendering / inner).stat().st_mode & stat.S_IXUSR else 0o644)
        for entry in sorted(staging.iterdir()):
            os.replace(entry, destination / entry.name)
            made.append(destination / entry.name)
        staging.rmdir()
        done = True
    except OSError as error:
        raise DestinationUnwritable(f"{destination}: cannot be written: {error.strerror}; nothing was left there") from error
    finally:
        if not done:
            _remove([*([staging] if staging else []), *reversed(made)])


def _make_parents(destination: Path) -> list[Path]:
    """Make the destination; what did not exist before, outermost first."""
    missing = [place for place in (destination, *destination.parents) if not place.exists()]
    made: list[Path] = []
    for place in reversed(missing):
        place.mkdir()
        made.append(place)
    return made


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
