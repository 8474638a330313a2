"""Stamping a project: answers -> models read -> template assembled -> rendered -> written, on one screen."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mlscaffold import onnxfile
from mlscaffold.errors import AnswersInvalid, DestinationUnwritable, PatternNotStamped
from mlscaffold.new import answers as answering
from mlscaffold.new import budget, merge, stamp
from mlscaffold.new.answers import Answers
from mlscaffold.new.context import StampedModel, context, sample_files
from mlscaffold.new.lock import write_lock
from mlscaffold.new.standin import stand_ins
from mlscaffold.new.values import Context
from mlscaffold.new.wiring import sample_requests
from mlscaffold.patterns import Pattern, catalogue, find, usable_name
from mlscaffold.resources import templates_folder

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stamped:
    """What was made, or would be: `files` are relative to `destination`; `warnings` are for the user to read."""

    destination: Path
    answers: Answers
    pattern: Pattern
    models: tuple[StampedModel, ...]
    files: tuple[str, ...]
    warnings: tuple[str, ...]
    written: bool


def new(answers: Answers, destination: Path | None, *, dry_run: bool = False, progress: Progress = lambda _: None) -> Stamped:
    """Stamp a project into `destination` (default: a folder of the project's name, here).

    Raises:
        MlscaffoldError: one of its children; nothing is left at the destination.
    """
    pattern = _stampable(answers.pattern)
    example = not answers.models
    answers = _completed(answers, pattern, destination)
    destination = (destination or Path(answers.name)).absolute()
    merge.check_destination(destination)
    progress("reading the models")
    models = _read_models(answers, pattern, example=example)
    with _workplace() as folder:
        template, rendering = Path(folder, "template"), Path(folder, "rendering")
        progress("rendering the project")
        layers = stamp.layers_of(pattern, templates_folder(), example=example, models=(model.name for model in models))
        stamp.assemble(layers, templates_folder(), template)
        values = context(answers, pattern, models, example=example)
        stamp.render(template, values, rendering)
        _add_models(rendering, models)
        _add_samples(rendering, values)
        write_lock(rendering, answers, models, template)
        files = tuple(str(inner) for inner in merge.rendered_files(rendering))
        if not dry_run:
            progress("writing the files")
            merge.fill(rendering, destination)
    warnings = tuple(budget.warnings(models, pattern, int(answers.settings["latency_budget_ms"])))
    return Stamped(destination, answers, pattern, models, files, warnings, written=not dry_run)


def _stampable(name: str) -> Pattern:
    pattern = find(name)
    if pattern.stamped:
        return pattern
    stamped = ", ".join(one.name for one in catalogue(templates_folder()) if one.stamped)
    raise PatternNotStamped(
        f"{pattern.name} is described (`mlscaffold patterns {pattern.name}`) but not stamped by this version yet. "
        f"Stamped: {stamped}."
    )


def _completed(answers: Answers, pattern: Pattern, destination: Path | None) -> Answers:
    """The answers with every default filled in; the number of models is checked against the pattern."""
    count = len(answers.models)
    if answers.models and not pattern.least <= count <= (pattern.most or count):
        most = f" to {pattern.most}" if pattern.most and pattern.most > pattern.least else "" if pattern.most else " or more"
        raise AnswersInvalid(
            f"{pattern.name} takes {pattern.least}{most} model{'s' if (pattern.most or 2) > 1 else ''}; {count} given "
            f"({', '.join(model.name for model in answers.models)})"
        )
    first = answers.models[0].name if answers.models else pattern.example
    default = usable_name(destination.absolute().name) if destination else f"{first}-{pattern.name}"
    name = answers.name or default or f"{first}-{pattern.name}"
    defaults = {question.key: question.default for question in answering.questions() if question.default is not None}
    title = name.replace("-", " ").capitalize()
    settings = {**defaults, "project_title": title, **answers.settings, "project_name": name}
    taken = {service.name for service in pattern.services if service.name}
    for model in answers.models:
        if model.name in taken:
            raise AnswersInvalid(f"model name {model.name!r} is the name of a service of {pattern.name}; choose another")
    return answering.checked(replace(answers, pattern=pattern.name, name=name, settings=settings))


def _read_models(answers: Answers, pattern: Pattern, *, example: bool) -> tuple[StampedModel, ...]:
    shipped = stand_ins(pattern, templates_folder())
    if example:
        return shipped
    axes = answering.axes_of(answers)
    models = []
    for place, model in enumerate(answers.models):
        if model.path is None:
            stand_in = shipped[place % len(shipped)]
            models.append(replace(stand_in, name=model.name, title=_title(model.name)))
            continue
        file = onnxfile.read(model.path, axes=axes)
        described = f"{model.path.name}, as given to mlscaffold"
        models.append(StampedModel(name=model.name, file=file, title=_title(model.name), description=described))
    return tuple(models)


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _add_models(rendering: Path, models: tuple[StampedModel, ...]) -> None:
    for model in models:
        for inner, source in model.files.items():
            target = rendering / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        for inner, text in sample_files(model).items():
            if not (rendering / inner).exists():  # the shipped example brings a real one
                (rendering / inner).write_text(text, encoding="utf-8")


def _add_samples(rendering: Path, values: Context) -> None:
    if values["pipeline"] is None:
        return
    front = next(service for service in values["services"] if service["model"] is None)
    for name, text in sample_requests(values["pipeline"], rendering).items():
        (rendering / "services" / front["package"] / name).write_text(text, encoding="utf-8")


def _workplace() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="mlscaffold-")
    except OSError as error:
        raise DestinationUnwritable(f"no temporary folder can be made: {error.strerror}; set TMPDIR") from error
