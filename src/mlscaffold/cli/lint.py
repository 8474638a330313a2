"""`mlscaffold lint`: from its arguments to reports and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

from mlscaffold.cli.quick import LintArguments
from mlscaffold.errors import ConfigInvalid, TargetUnreadable
from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint import lint
from mlscaffold.lint.cache import Printed, remembered
from mlscaffold.lint.config import Options, fail_on, load, near
from mlscaffold.lint.report import FORMATS
from mlscaffold.lint.workspace import Workspace

if TYPE_CHECKING:
    from mlscaffold.lint.finding import Report

FINDINGS = 1
SEVERITIES = ("info", "warning", "error")
SUFFIXES = {
    ".json": "json",
    ".txt": "text",
    ".sarif": "sarif",
    ".md": "markdown",
    ".mmd": "mermaid",
    ".html": "html",
    ".xml": "junit",
}


def run(arguments: LintArguments) -> int:
    """Lint and report; the exit code says whether anything was found at or above the level of --fail-on.

    Raises:
        MlscaffoldError: an argument or a configuration file that cannot be used, a path that cannot be read.
    """
    root, files = _target(arguments)
    options = _options(arguments, root, files)
    outputs = [_output(text, arguments.format) for text in arguments.output]
    name = arguments.format or "text"
    if name not in FORMATS:
        raise ConfigInvalid(f"--format {name!r}{near(name, FORMATS)}")
    if arguments.show_settings:
        from mlscaffold.cli.settings import shown

        print(shown(root, options), end="")
        return 0
    if arguments.write_baseline:
        _write_baseline(lint(root, replace(options, baseline=None)), options.baseline or root / "mlscaffold-baseline.json")
        return 0
    if arguments.explain_path:
        from mlscaffold.cli.explain import explained

        asked = Path(arguments.explain_path)
        inner = _inside(root, asked) if asked.exists() else arguments.explain_path
        print(explained(lint(root, options), inner, exists=(root / inner).is_file()), end="")
        return 0
    colour = not outputs and _colour(arguments.color)
    code, texts = _printed(root, options, tuple(format_name for format_name, _ in outputs) or (name,), colour=colour)
    for (_, path), text in zip(outputs, texts, strict=False):
        _write(path, text)
    if not outputs:
        sys.stdout.write(texts[0])
        sys.stdout.flush()
    return code


def _printed(root: Path, options: Options, formats: tuple[str, ...], *, colour: bool) -> Printed:
    """The exit code, and the report in each format: made, or remembered from a run on the same content."""
    workspace = Workspace(root, exclude=options.exclude, cache=options.cache)

    def make() -> Printed:
        from mlscaffold.lint.engine import run
        from mlscaffold.lint.report import render

        report = run(workspace, options)
        texts = tuple(render(report, name, colour=colour) for name in formats)
        return FINDINGS if _fails(report, options) else 0, texts

    return remembered(workspace, options, f"{formats} {colour}", make)


def _target(arguments: LintArguments) -> tuple[Path, tuple[str, ...] | None]:
    """The folder to read, and the files whose findings are wanted (None: all)."""
    paths = [Path(text) for text in arguments.paths] or [Path()]
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise TargetUnreadable(f"{path}: there is no such file or folder to lint")
    if len(paths) == 1 and paths[0].is_dir():
        root, files = paths[0], None
    else:
        root = Path()
        files = tuple(sorted({_inside(root, path) for path in paths}))
    if arguments.changed_since:
        from mlscaffold.lint.changed import changed_files

        files = changed_files(root, arguments.changed_since)
    return root, files


def _inside(root: Path, path: Path) -> str:
    try:
        return PurePosixPath(path.absolute().relative_to(root.absolute())).as_posix()
    except ValueError:
        raise TargetUnreadable(
            f"{path}: is not inside {root.absolute()}; give one folder, or files below the current folder"
        ) from None


def _options(arguments: LintArguments, root: Path, files: tuple[str, ...] | None) -> Options:
    options = load(root, Path(arguments.config) if arguments.config else None)
    said: dict[str, object] = {
        "select": _codes(arguments.select),
        "ignore": (*options.ignore, *_codes(arguments.ignore)) if arguments.ignore else (),
        "exclude": (*options.exclude, *arguments.exclude) if arguments.exclude else (),
        "fail_on": fail_on("--fail-on", arguments.fail_on) if arguments.fail_on else "",
        "rules": (*options.rules, *map(Path, arguments.rules)) if arguments.rules else (),
        "catalog": (*options.catalog, *map(Path, arguments.catalog)) if arguments.catalog else (),
        "baseline": Path(arguments.baseline) if arguments.baseline else None,
        "preview": arguments.preview,
        "measure": arguments.measure,
        "jobs": _jobs(arguments.jobs),
    }
    given = {key: value for key, value in said.items() if value}
    return replace(options, files=files, cache=not arguments.no_cache, **given)  # type: ignore[arg-type]


def _codes(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for text in texts for code in text.split(",") if code.strip())


def _jobs(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ConfigInvalid(f"--jobs {text!r}: expected a whole number above 0")
    return int(text or 0)


def _output(text: str, default: str) -> tuple[str, Path]:
    """`FILE` (its format by --format or by its ending) or `FORMAT=FILE`."""
    name, equals, path = text.partition("=")
    if equals and name in FORMATS and path:
        return name, Path(path)
    guessed = default or SUFFIXES.get(Path(text).suffix, "text")
    if guessed not in FORMATS:
        raise ConfigInvalid(f"--output {text!r}: no format {guessed!r}; write FORMAT=FILE with one of: {', '.join(FORMATS)}")
    return guessed, Path(text)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigInvalid(f"--output {path}: cannot be written: {error.strerror}") from error


def _write_baseline(report: Report, path: Path) -> None:
    from mlscaffold.lint import baseline

    known = baseline.read(path) if path.exists() else None
    _write(path, baseline.content(report.findings, known))
    said = f"{len(report.findings)} findings now" if known is None else "shrunk to what is still there"
    print(f"{path}: {said}", file=sys.stderr)


def _colour(wanted: str) -> bool:
    if wanted not in ("", "auto", "always", "never"):
        raise ConfigInvalid(f"--color {wanted!r}: expected auto, always or never")
    if wanted in ("always", "never"):
        return wanted == "always"
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _fails(report: Report, options: Options) -> bool:
    if options.fail_on == "never":
        return False
    least = SEVERITIES.index(options.fail_on)
    return any(SEVERITIES.index(finding.severity) >= least for finding in report.findings)
