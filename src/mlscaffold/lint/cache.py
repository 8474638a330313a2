"""What earlier runs found out, kept in the user's cache folder and never in the repository.

Content decides: what a run printed is remembered under the hash of every byte that it depends on (the files, the rules, the
catalogue, the options, this program, the day), and is as good as none when one of them changed or when it cannot be read back.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from mlscaffold import __version__
from mlscaffold.light import TYPE_CHECKING
from mlscaffold.resources import rules_folder, templates_folder
from mlscaffold.store import cache_folder, digest_of, prune, read_value, write_value

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.workspace import Workspace

MOST_REMEMBERED = 300  # reports, and folders that were linted
FORMAT = "3"  # of what is kept: raised when it changes its shape
Printed = tuple[int, tuple[str, ...]]  # the exit code, and one text for each format


def remembered(workspace: Workspace, options: Options, said: str, make: Callable[[], Printed]) -> Printed:
    """What `make` gives, or what it gave on the same content. `said` is whatever else it depends on."""
    if not options.cache or options.measure:  # what is measured is remembered model by model
        return make()
    name = f"printed-{_key_of(workspace, options, said)}"
    kept = _sound(read_value(name))
    if kept is not None and _still_so(workspace, kept[0], kept[1]):
        workspace.close()
        return kept[2]
    printed = make()
    if workspace.settled:
        write_value(name, (workspace.weights, workspace.beyond(), printed))
        prune(cache_folder().glob("printed-*"), most=MOST_REMEMBERED)
        for kind in ("index", "looks", "deployed", "judged"):
            prune(cache_folder().glob(f"{kind}-*"), most=MOST_REMEMBERED)
        workspace.close()
    return printed


def _sound(kept: object) -> tuple[dict[str, object], dict[str, bytes], Printed] | None:
    match kept:
        case (dict() as weights, dict() as beyond, (int() as code, tuple() as texts)):
            return weights, beyond, (code, texts)
    return None


def _still_so(workspace: Workspace, weights: dict[str, object], beyond: dict[str, bytes]) -> bool:
    """Whether weights, and files that are read though git ignores them, are as they were."""
    return all(workspace.weighed(path) == found for path, found in weights.items()) and all(
        workspace.stamp_once(path) == digest for path, digest in beyond.items()
    )


def _key_of(workspace: Workspace, options: Options, said: str) -> str:
    """The hash of everything that a report depends on, but for what `_still_so` looks at one by one."""
    listing = workspace.listing
    today = time.strftime("%Y-%m-%d", time.gmtime())
    run = (FORMAT, __version__, sys.version, today, repr(options), str(workspace.given), said)
    texts = "\0".join((*run, own_files(), *sorted(listing.others))).encode(errors="surrogateescape")
    extra = [path.read_bytes() for folder in options.rules for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".md")]
    extra += [path.read_bytes() for path in (*options.catalog, options.baseline) if path is not None and path.is_file()]
    files = [workspace.stamp(path) for path in (*listing.python, *listing.notebooks, *listing.config)]
    return digest_of(texts, *extra, b"".join(files)).hex()


@cache
def own_files() -> str:
    """This program's own files, told apart as Python tells when to compile again: in a checkout the version stays while the
    code changes."""
    return "\0".join(_own_files())


def _own_files() -> Iterator[str]:
    for folder in (Path(__file__).parent, rules_folder(), templates_folder()):
        for place, inside, names in os.walk(folder):
            inside[:] = () if place.startswith(str(templates_folder()) + os.sep) else sorted(inside)
            for name in sorted(names):
                if name.endswith((".py", ".yaml")):
                    found = os.stat(os.path.join(place, name))  # noqa: PTH116, PTH118  a hundred files in each run
                    yield f"{name} {found.st_size} {found.st_mtime_ns}"
