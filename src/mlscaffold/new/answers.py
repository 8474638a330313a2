"""What the user wants stamped: flags over an answers file over defaults, checked before anything is read or written."""

import difflib
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mlscaffold.errors import AnswersInvalid
from mlscaffold.patterns import LONGEST_NAME, RESERVED_NAMES, usable_name
from mlscaffold.resources import templates_folder

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FILE_KEYS = ("pattern", "name", "models", "settings")


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One model: its name and its ONNX file; `path` is None where the shipped example stands in for it."""

    name: str
    path: Path | None


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that `mlscaffold new` asks for. Empty values mean: not answered."""

    pattern: str = ""
    name: str = ""
    models: tuple[ModelAnswer, ...] = ()
    settings: Mapping[str, str | int] = field(default_factory=dict)

    def over(self, other: "Answers") -> "Answers":
        """These answers, completed by `other` where they are silent."""
        return Answers(
            pattern=self.pattern or other.pattern,
            name=self.name or other.name,
            models=self.models or other.models,
            settings={**other.settings, **self.settings},
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One question of `templates/copier.yml`."""

    key: str
    type: str
    help: str
    default: str | int | None


@cache
def questions() -> tuple[Question, ...]:
    """The questions that `--set` and an answers file may answer, in the order of `copier.yml`."""
    import yaml

    raw = yaml.safe_load((templates_folder() / "copier.yml").read_text(encoding="utf-8"))
    return tuple(
        Question(key, spec["type"], spec["help"], spec.get("default")) for key, spec in raw.items() if not key.startswith("_")
    )


def from_flags(*, pattern: str, name: str, models: list[str], settings: list[str]) -> Answers:
    """Answers from command-line values: models as `PATH`, `NAME=PATH` or `NAME`, settings as `key=value`.

    Raises:
        AnswersInvalid: a value of another form, an unknown setting, a name given twice.
    """
    pairs = [_split_setting(text) for text in settings]
    return checked(Answers(pattern=pattern, name=name, models=tuple(_model(text) for text in models), settings=dict(pairs)))


def from_file(path: Path) -> Answers:
    """Answers from a YAML (or JSON) file with the keys pattern, name, models and settings; model paths are relative to it.

    Raises:
        AnswersInvalid: not readable, not such a file, an unknown key.
    """
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise AnswersInvalid(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise AnswersInvalid(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise AnswersInvalid(f"{path}: expected the keys {', '.join(FILE_KEYS)}; found {type(raw).__name__}")
    for key in raw:
        if key not in FILE_KEYS:
            raise AnswersInvalid(f"{path}: unknown key {key!r}{_near(str(key), FILE_KEYS)}")
    models = raw.get("models") or {}
    settings = raw.get("settings") or {}
    for key, value in (("models", models), ("settings", settings)):
        if not isinstance(value, dict):
            raise AnswersInvalid(f"{path}: {key}: expected names and values; found {type(value).__name__}")
    for model, file in models.items():
        if not isinstance(file, str | None):
            raise AnswersInvalid(f"{path}: models.{model}: expected the path of an ONNX file or nothing; found {file!r}")
    return checked(
        Answers(
            pattern=str(raw.get("pattern") or ""),
            name=str(raw.get("name") or ""),
            models=tuple(ModelAnswer(str(m), path.parent / file if file else None) for m, file in models.items()),
            settings={str(key): value for key, value in settings.items()},
        )
    )


def checked(answers: Answers) -> Answers:
    """The same answers with every setting of its question's type.

    Raises:
        AnswersInvalid: the first name, model or setting that cannot be used.
    """
    if answers.name:
        check_name("project", answers.name)
    names = [model.name for model in answers.models]
    for name in names:
        check_name("model", name)
        if names.count(name) > 1:
            raise AnswersInvalid(f"two models are called {name!r}; name them: --model first=a.onnx --model second=b.onnx")
    return replace(answers, settings={key: _setting(key, value) for key, value in answers.settings.items()})


def check_name(what: str, name: str) -> None:
    """Refuse a name that could not be a folder, a Python package and a Kubernetes object at once."""
    if what == "model" and (name in RESERVED_NAMES or keyword.iskeyword(name.replace("-", "_"))):
        raise AnswersInvalid(f"model name {name!r} is taken by the project itself or by Python; choose another")
    if NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return
    usable = usable_name(name)
    hint = f"; for example {usable!r}" if usable else ""
    raise AnswersInvalid(
        f"{what} name {name!r} cannot be used: expected lower-case letters, digits and single hyphens, "
        f"a letter first, at most {LONGEST_NAME} characters{hint}"
    )


def axes_of(answers: Answers) -> dict[str, int]:
    """The setting `axes` as sizes by axis name."""
    text = str(answers.settings.get("axes", ""))
    pairs = [pair.rpartition(":") for pair in text.split(",") if pair]
    if any(not name or not size.isdigit() or int(size) < 1 for name, _, size in pairs):
        raise AnswersInvalid(f"setting axes: expected NAME:SIZE,NAME:SIZE (sizes of 1 or more); found {text!r}")
    return {name.strip(): int(size) for name, _, size in pairs}


def _model(text: str) -> ModelAnswer:
    name, equals, path = text.partition("=")
    if equals and not path:
        raise AnswersInvalid(f"--model {text!r}: expected NAME=path.onnx; the path is missing")
    if equals:
        return ModelAnswer(name, Path(path))
    if NAME.fullmatch(text) and not Path(text).is_file():
        return ModelAnswer(text, None)
    stem = Path(text).stem
    # `model.onnx` says nothing: in a model repository (…/fraud/1/model.onnx) the folders do
    told = next((part for part in reversed(Path(text).resolve().parts[:-1]) if not part.isdigit()), "")
    name = usable_name(told if stem == "model" else stem)
    if not name:
        raise AnswersInvalid(f"--model {text!r}: no usable name in the file's name; give one: --model NAME={text}")
    return ModelAnswer(name, Path(text))


def _split_setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise AnswersInvalid(f"--set {text!r}: expected key=value")
    return key.strip(), value.strip()


def _setting(key: str, value: object) -> str | int:
    known = {question.key: question for question in questions()}
    if key not in known:
        raise AnswersInvalid(f"unknown setting {key!r}{_near(key, known)}; settings: {', '.join(known)}")
    if known[key].type == "int":
        return _whole_number(key, value)
    text = str(value)
    if not text.isprintable() or len(text) > 200:
        raise AnswersInvalid(f"setting {key}: expected one printable line of at most 200 characters; found {text!r:.60}")
    return text


def _whole_number(key: str, value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise AnswersInvalid(f"setting {key}: expected a whole number above 0; found {value!r}")
    if key == "port" and not 1024 <= int(text) <= 65000:
        raise AnswersInvalid(f"setting port: expected 1024 to 65000 (a server that is not root may open these); found {text}")
    return int(text)


def _near(word: str, known: object) -> str:
    near = difflib.get_close_matches(word, [str(name) for name in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean {near[0]!r}?" if near else ""
