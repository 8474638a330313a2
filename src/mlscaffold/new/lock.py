"""The lock file of a stamped project: which template, which answers, and each file as it was stamped."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mlscaffold import __version__
from mlscaffold.new.answers import Answers
from mlscaffold.new.context import StampedModel
from mlscaffold.new.merge import rendered_files

FILE = ".mlscaffold/lock.json"
SCHEMA = "mlscaffold-lock/1"


def write_lock(rendering: Path, answers: Answers, models: Iterable[StampedModel], template: Path) -> None:
    """Write the lock into a rendering. It names no path of this machine: a model is known by its file's name and checksum."""
    lock = {
        "schema": SCHEMA,
        "mlscaffold": __version__,
        "template": {"pattern": answers.pattern, "sha256": tree_digest(template)},
        "answers": {
            "pattern": answers.pattern,
            "name": answers.name,
            "models": {model.name: {"file": model.file.path.name, "sha256": model.file.sha256} for model in models},
            "settings": dict(sorted(answers.settings.items())),
        },
        "files": {str(inner): file_digest(rendering / inner) for inner in rendered_files(rendering)},
    }
    target = rendering / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


def tree_digest(folder: Path) -> str:
    """SHA-256 over the paths and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            inner = PurePosixPath(path.relative_to(folder).as_posix())
            digest.update(f"{inner}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
