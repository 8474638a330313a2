"""The serving patterns, read from `templates/*/pattern.yaml`: the one thing that linting and stamping share."""

import re
from functools import cache
from pathlib import Path

from mlscaffold.errors import AntiPatternRefused, TemplateInvalid, UnknownPattern
from mlscaffold.light import Literal, dataclass
from mlscaffold.resources import templates_folder
from mlscaffold.store import compiled, digest_of

FILE = "pattern.yaml"
LONGEST_NAME = 40  # a Kubernetes label holds 63 characters, and overlays add prefixes and suffixes
RESERVED_NAMES = frozenset({"serving", "services", "models", "tests", "deploy", "loadtest", "proxy", "preprocess", "client"})


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One deployable that a pattern makes; `each == "model"`: one per model, named after it (`name` is then empty)."""

    name: str
    does: str
    each: Literal["", "model"] = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern of the catalogue.

    `fits` are the wizard's answers that speak for it (question -> accepted answers). `layers` are the folders of `_parts/` that a
    stamped project is assembled from besides `base/` and the pattern's own; `example` the one added where no model is given.
    `wiring` says how several models make one ("chain", "fan-out"; empty: each stands alone), `takes` what they have to take
    ("image"; empty: anything). `grpc` gives each model's service a second port, for gRPC. `flag` is the option that names one
    model (`--model` or `--stage`); `least` and `most` bound their number (None: unbounded).
    An anti-pattern has `refused`, the reason, and `instead`, the ways out.
    """

    name: str
    title: str
    group: str
    summary: str
    aliases: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    merits: tuple[str, ...] = ()
    demerits: tuple[str, ...] = ()
    remains: tuple[str, ...] = ()
    decide: tuple[str, ...] = ()
    diagram: str = ""
    services: tuple[ServiceSpec, ...] = ()
    fits: tuple[tuple[str, tuple[str, ...]], ...] = ()
    layers: tuple[str, ...] = ()
    example: str = ""
    online: bool = True
    wiring: str = ""
    takes: str = ""
    grpc: bool = False
    flag: str = "model"
    least: int = 1
    most: int | None = 1
    stand_ins: tuple[str, ...] = ()
    refused: str = ""
    instead: tuple[str, ...] = ()
    stamped: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A way out that `mlscaffold new` accepts as it is.

    `name` is the project's name, `models` pairs of a model's name and its ONNX file relative to the linted root ("" where there
    is none yet: the shipped example stands in until it is exported).
    """

    pattern: str
    name: str = ""
    models: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> str:
        """The command line, quoted for a POSIX shell; it is to be run in the linted root.

        Raises:
            UnknownPattern: no such pattern.
        """
        pattern = find(self.pattern)
        if pattern.most is None or len(self.models) <= pattern.most:
            return _new(pattern, self.name, self.models)
        # one project each, where a pattern holds fewer models than there are
        return " && ".join(_new(pattern, usable_name(f"{self.name}-{model[0]}", model[0]), (model,)) for model in self.models)

    @property
    def stamped(self) -> bool:
        """Whether the pattern has a template in this version."""
        return find(self.pattern).stamped


def _new(pattern: Pattern, name: str, models: tuple[tuple[str, str], ...]) -> str:
    words = ["mlscaffold", "new", *([name] if name else []), "--pattern", pattern.name]
    for model, path in models:
        words += [f"--{pattern.flag}", f"{model}={path}" if path else model]
    import shlex

    return shlex.join(words)


def usable_name(text: str, otherwise: str = "") -> str:
    """The nearest name for a project or a model ("Fraud_Model v2" -> "fraud-model-v2"), or `otherwise` where nothing is left.

    A name has lower-case letters, digits and single hyphens, begins with a letter, and is neither a folder of every stamped
    project nor a word of Python: it becomes a folder, a Python package and a Kubernetes object at once.
    """
    import keyword

    words = re.findall(r"[a-z0-9]+", text.lower())
    name = re.sub(r"^[^a-z]+", "", "-".join(words))[:LONGEST_NAME].strip("-")
    if name in RESERVED_NAMES or keyword.iskeyword(name.replace("-", "_")):
        name = f"{name}-model"
    return name or otherwise


def find(name: str, folder: Path | None = None) -> Pattern:
    """The pattern of that name or alias.

    Raises:
        AntiPatternRefused: it names an anti-pattern.
        UnknownPattern: it names nothing; the message lists the near names.
    """
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    patterns = catalogue(folder or templates_folder())
    for pattern in patterns:
        if wanted != pattern.name and wanted not in pattern.aliases:
            continue
        if pattern.refused:
            ways = ", ".join(pattern.instead)
            raise AntiPatternRefused(
                f"{pattern.name} is an anti-pattern and is not stamped: {pattern.refused}\n"
                f"Use one of these instead: {ways} (`mlscaffold patterns NAME` shows each)."
            )
        return pattern
    names = [word for pattern in patterns if not pattern.refused for word in (pattern.name, *pattern.aliases)]
    import difflib

    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`mlscaffold patterns` lists them."
    raise UnknownPattern(f"there is no pattern {name!r}. {hint}")


@cache
def catalogue(folder: Path) -> tuple[Pattern, ...]:
    """Every pattern and anti-pattern of a templates folder, in the catalogue's order.

    Raises:
        TemplateInvalid: a `pattern.yaml` that cannot be read or has an unknown key.
    """
    files = sorted(folder.glob(f"*/{FILE}"))
    name = "patterns" if folder == templates_folder() else f"patterns-{digest_of(str(folder).encode()).hex()}"
    found = [_pattern(path, raw) for path, raw in zip(files, compiled(name, files, _parse), strict=True)]
    return tuple(pattern for _, pattern in sorted(found, key=lambda pair: (pair[0], pair[1].name)))


def _parse(path: Path, content: bytes) -> object:
    import yaml  # 50 ms: only when a pattern's description changed

    try:
        return yaml.safe_load(content.decode())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateInvalid(f"{path}: cannot be read as YAML: {error}") from error


def _pattern(path: Path, raw: object) -> tuple[int, Pattern]:
    if not isinstance(raw, dict):
        raise TemplateInvalid(f"{path}: expected keys and values, found {type(raw).__name__}")
    order = raw.get("order", 99)
    own = [entry for entry in path.parent.iterdir() if entry.name not in (FILE, "__pycache__")]
    values: dict[str, object] = {key: _frozen(value) for key, value in raw.items() if key != "order"}
    values["services"] = tuple(ServiceSpec(**{"name": "", **service}) for service in raw.get("services", ()))
    values["fits"] = tuple((question, tuple(answers)) for question, answers in raw.get("fits", {}).items())
    try:
        pattern = Pattern(name=path.parent.name, stamped=bool(own), **values)  # type: ignore[arg-type]
    except TypeError as error:
        raise TemplateInvalid(f"{path}: {error}") from error
    return int(order), pattern


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
