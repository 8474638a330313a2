"""Options of a lint run: command line over configuration file over defaults.

The file is `mlscaffold.toml`, or `[tool.mlscaffold.lint]` in `pyproject.toml`; the nearest one from the linted folder upwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from mlscaffold.errors import ConfigInvalid
from mlscaffold.light import TYPE_CHECKING, Literal, cast, dataclass, field_names, replace

if TYPE_CHECKING:
    from typing import Never

FailOn = Literal["error", "warning", "info", "never"]
LEVELS = ("error", "warning", "info", "never")
_NONE: MappingProxyType[str, Never] = MappingProxyType({})
FILES = ("mlscaffold.toml", "pyproject.toml")
_OF_A_RUN = ("files", "source", "jobs", "cache", "measure")  # said on the command line only
LONGEST = 10_000_000  # bytes; a configuration file beyond it is not one


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """`[tool.mlscaffold.lint.services.<id>]`: what the code cannot say about a deployable.

    `entry` is the file (relative to the linted root) that makes the application; `mode` overrides how it answers; `workers` is a
    count of processes, `latency_budget_ms` the longest real-time answer, `memory_limit_mb` the memory of one replica,
    `latency_ms` what one inference takes there (where nothing was measured here).
    """

    entry: str = ""
    mode: Literal["", "online", "batch"] = ""
    workers: int | None = None
    latency_budget_ms: int | None = None
    memory_limit_mb: int | None = None
    latency_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a run looks for and where.

    `select` and `ignore` take codes, names and prefixes ("MLS1"); an empty `select` means every rule out of preview. `exclude`
    and the keys of `per_file_ignores` are gitignore-like globs relative to the root. `rules` are folders of the form of `rules/`,
    `catalog` YAML files of further signatures, `baseline` the file of known findings: paths relative to the configuration file.
    `files` narrows the findings to those that touch one of these paths (relative to the root); the whole project is read all the
    same. `measure`: the repository's own ONNX files that services load are run, in a process of their own.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = _NONE
    fail_on: FailOn = "warning"
    rules: tuple[Path, ...] = ()
    catalog: tuple[Path, ...] = ()
    baseline: Path | None = None
    services: Mapping[str, ServiceOptions] = _NONE
    preview: bool = False
    measure: bool = False
    files: tuple[str, ...] | None = None
    jobs: int = 1
    cache: bool = True
    source: Path | None = None


def load(root: Path, explicit: Path | None = None) -> Options:
    """The options of the nearest configuration file, or the defaults.

    Raises:
        ConfigInvalid: not readable, not TOML, an unknown key (with the nearest name), a value of another type.
    """
    for path in [explicit] if explicit else _candidates(root):
        content = _read(path, required=explicit is not None)
        if explicit is None and path.name == "pyproject.toml" and b"mlscaffold" not in content:
            continue
        table = _table(path, content)
        if table is not None:
            return replace(_options(path, table), source=path)
    return Options()


def _candidates(root: Path) -> Iterable[Path]:
    folder = root if root.is_dir() else root.parent
    for place in (folder, *folder.parents):
        yield from (place / name for name in FILES if (place / name).is_file())
        if (place / ".git").exists():
            return


def _read(path: Path, *, required: bool) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST + 1)
    except OSError as error:
        if not required:  # an unreadable pyproject.toml of somebody else is reported as skipped, like any file
            return b""
        raise ConfigInvalid(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > LONGEST:
        raise ConfigInvalid(f"{path}: has more than {LONGEST:,} bytes; expected a configuration file")
    return content


def _table(path: Path, content: bytes) -> Mapping[str, object] | None:
    import tomllib

    try:
        data = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigInvalid(f"{path}: is not TOML: {error}") from error
    if path.name != "pyproject.toml":
        return data
    tool = data.get("tool", {})
    own = tool.get("mlscaffold") if isinstance(tool, dict) else None
    table = own.get("lint") if isinstance(own, dict) else None
    return table if isinstance(table, dict) else None


def _options(path: Path, table: Mapping[str, object]) -> Options:
    known = {name.replace("_", "-"): name for name in field_names(Options) if name not in _OF_A_RUN}
    values: dict[str, object] = {}
    for key, value in table.items():
        where = f"{path}: {key}"
        if key not in known:
            raise ConfigInvalid(f"{path}: unknown key {key!r}{near(key, known)}")
        match key:
            case "select" | "ignore" | "exclude":
                values[known[key]] = _texts(where, value)
            case "per-file-ignores":
                values[known[key]] = {glob: _texts(f"{where}.{glob}", codes) for glob, codes in _mapping(where, value).items()}
            case "fail-on":
                values[known[key]] = fail_on(where, value)
            case "rules" | "catalog":
                values[known[key]] = tuple(path.parent / text for text in _texts(where, value))
            case "baseline":
                values[known[key]] = path.parent / _text(where, value)
            case "preview":
                values[known[key]] = _flag(where, value)
            case "services":
                services = _mapping(where, value)
                values[known[key]] = {name: _service(f"{where}.{name}", options) for name, options in services.items()}
    return Options(**values)  # type: ignore[arg-type]


def _service(where: str, value: object) -> ServiceOptions:
    known = {name.replace("_", "-"): name for name in field_names(ServiceOptions)}
    values: dict[str, object] = {}
    for key, setting in _mapping(where, value).items():
        if key not in known:
            raise ConfigInvalid(f"{where}: unknown key {key!r}{near(key, known)}")
        if key == "mode" and setting not in ("online", "batch"):
            raise ConfigInvalid(f"{where}.mode: expected 'online' or 'batch'; found {setting!r}")
        if key in ("entry", "mode"):
            values[known[key]] = _text(f"{where}.{key}", setting)
        elif isinstance(setting, int) and not isinstance(setting, bool) and setting > 0:
            values[known[key]] = setting
        else:
            raise ConfigInvalid(f"{where}.{key}: expected a whole number above 0; found {setting!r}")
    return ServiceOptions(**values)  # type: ignore[arg-type]


def fail_on(where: str, value: object) -> FailOn:
    """The value as a level that makes a run fail.

    Raises:
        ConfigInvalid: it is none.
    """
    if value in LEVELS:
        return cast("FailOn", value)
    raise ConfigInvalid(f"{where}: expected one of {', '.join(LEVELS)}; found {value!r}")


def near(word: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" with the nearest known word, or "; expected one of …"."""
    import difflib  # only where a word is wrong

    words = sorted(known)
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else f"; expected one of: {', '.join(words)}"


def _texts(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ConfigInvalid(f"{where}: expected a list of texts; found {value!r}")
    return tuple(value)


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigInvalid(f"{where}: expected a text; found {value!r}")
    return value


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigInvalid(f"{where}: expected true or false; found {value!r}")
    return value


def _mapping(where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ConfigInvalid(f"{where}: expected a table; found {value!r}")
    return value
