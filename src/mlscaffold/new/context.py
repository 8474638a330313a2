"""What the templates print: computed once from the answers and the model files, so that no template has to decide."""

import json
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from mlscaffold import __version__
from mlscaffold.errors import AnswersInvalid
from mlscaffold.new.answers import Answers
from mlscaffold.new.image import image_input
from mlscaffold.new.values import Context, ModelContext, PatternContext, ServiceContext, TensorContext
from mlscaffold.new.wiring import WIRINGS
from mlscaffold.onnxfile import EXAMPLE_ELEMENTS, OnnxFile, Tensor
from mlscaffold.patterns import Pattern
from mlscaffold.units import human_size

PYTHON_TYPES = {"BOOL": "bool", "BYTES": "str", "FP16": "float", "FP32": "float", "FP64": "float"}
# attributes of pydantic.BaseModel that a field must not shadow
FIELD_LENGTH = 32  # exporters name tensors by their whole path in the graph
SHADOWED = frozenset("copy construct dict fields json schema validate parse_obj parse_raw parse_file from_orm self".split())


@dataclass(frozen=True, slots=True)
class StampedModel:
    """A model with the name that it gets in the project; `files` maps paths in the project to where they come from."""

    name: str
    file: OnnxFile
    title: str
    description: str
    labels: tuple[str, ...] = ()
    version: str = "1"

    @property
    def folder(self) -> str:
        return f"models/{self.name}/{self.version}"

    @property
    def files(self) -> dict[str, Path]:
        beside = {f"{self.folder}/{name}": self.file.path.parent / name for name in self.file.external}
        return {f"{self.folder}/model.onnx": self.file.path, **beside}


def context(answers: Answers, pattern: Pattern, models: tuple[StampedModel, ...], *, example: bool) -> Context:
    """Every name that a template may use. The values are plain JSON values.

    Raises:
        AnswersInvalid: a model that takes no images, for a pattern that prepares them.
    """
    shown = [_model(model) for model in models]
    if pattern.takes == "image":
        _check_images(pattern, shown)
    services = _services(pattern, shown, int(answers.settings["port"]))
    return Context(
        project_name=answers.name,
        project_title=str(answers.settings["project_title"]),
        port=int(answers.settings["port"]),
        latency_budget_ms=int(answers.settings["latency_budget_ms"]),
        axes=str(answers.settings["axes"]),
        mlscaffold_version=__version__,
        example=example,
        pattern=_pattern(pattern),
        models=shown,
        services=services,
        model_services=[service for service in services if service["model"]],
        page_services=[service for service in services if service["model"] or pattern.wiring],
        pipeline=WIRINGS[pattern.wiring](answers.name, shown) if pattern.wiring else None,
    )


def _check_images(pattern: Pattern, models: list[ModelContext]) -> None:
    for model in models:
        if isinstance(why := image_input(model["inputs"]), str):
            raise AnswersInvalid(
                f"{pattern.name} prepares images, and model {model['name']!r} takes none: {why}. "
                "For other inputs take web-single, or serial with a model that prepares them."
            )


def _pattern(pattern: Pattern) -> PatternContext:
    return PatternContext(
        name=pattern.name,
        title=pattern.title,
        group=pattern.group,
        summary=pattern.summary,
        when=list(pattern.when),
        merits=list(pattern.merits),
        demerits=list(pattern.demerits),
        remains=list(pattern.remains),
        decide=list(pattern.decide),
        diagram=pattern.diagram,
        grpc=pattern.grpc,
        services=[{"name": service.name, "does": service.does} for service in pattern.services],
    )


def sample_files(model: StampedModel) -> dict[str, str]:
    """The sample requests of a model, as files: for the v2 route and for the typed one."""
    folder = f"models/{model.name}"
    inputs = [_example(tensor) for tensor in model.file.inputs]
    v2 = {
        "inputs": [
            {"name": tensor.name, "shape": list(tensor.sample_shape), "datatype": tensor.datatype, "data": _flat(value)}
            for tensor, value in zip(model.file.inputs, inputs, strict=True)
        ]
    }
    fields = field_names([tensor.name for tensor in model.file.inputs])
    typed = {
        name: value[0] if model.file.rows and isinstance(value, list) else value
        for name, value in zip(fields, inputs, strict=True)
    }
    return {
        f"{folder}/sample-v2.json": _json_file(v2),
        f"{folder}/sample.json": _json_file(typed),
    }


def field_names(names: list[str]) -> list[str]:
    """Unique Python identifiers for tensor names, usable as Pydantic fields ("input.1" -> "input_1")."""
    taken: list[str] = []
    for name in names:
        field = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()[:FIELD_LENGTH].rstrip("_") or "tensor"
        field = f"tensor_{field}" if field[0].isdigit() else field
        if keyword.iskeyword(field) or keyword.issoftkeyword(field) or field in SHADOWED or field.startswith("model_"):
            field = f"{field}_"
        while field in taken:
            field = f"{field}_"
        taken.append(field)
    return taken


def _services(pattern: Pattern, models: list[ModelContext], port: int) -> list[ServiceContext]:
    wanted: list[tuple[str, str, str, ModelContext | None]] = []
    for spec in pattern.services:
        if spec.each == "model":
            wanted += [(model["name"], "model", spec.does, model) for model in models]
        else:
            wanted.append((spec.name, spec.name, spec.does, None))
    return [
        ServiceContext(
            name=name,
            package=name.replace("-", "_"),
            env=name.replace("-", "_").upper(),
            port=port + place,
            grpc_port=port + len(wanted) + place if pattern.grpc and model else None,
            role=role,
            does=does,
            model=model,
            calls=[] if model else [other["name"] for other in models],
        )
        for place, (name, role, does, model) in enumerate(wanted)
    ]


def _model(model: StampedModel) -> ModelContext:
    file = model.file
    inputs = _tensors(file.inputs, rows=file.rows)
    image = image_input(inputs)
    return ModelContext(
        name=model.name,
        package=model.name.replace("-", "_"),
        title=model.title,
        description=model.description,
        version=model.version,
        path=f"{model.folder}/model.onnx",
        sha256=file.sha256,
        external_data=file.external,
        bytes=file.bytes,
        size=human_size(file.bytes),
        latency_ms=file.latency_ms,
        labels=list(model.labels),
        row=file.rows,
        batchable=file.batchable,
        inputs=inputs,
        outputs=_tensors(file.outputs, rows=file.rows),
        image=None if isinstance(image, str) else image,
    )


def _tensors(tensors: tuple[Tensor, ...], *, rows: bool) -> list[TensorContext]:
    fields = field_names([tensor.name for tensor in tensors])
    return [_tensor(tensor, field, rows=rows) for tensor, field in zip(tensors, fields, strict=True)]


def _tensor(tensor: Tensor, field: str, *, rows: bool) -> TensorContext:
    row_shape = tensor.shape[1:] if rows else tensor.shape
    scalar = PYTHON_TYPES.get(tensor.datatype, "int")
    example = _example(tensor) if _elements(tensor) <= EXAMPLE_ELEMENTS else None
    return TensorContext(
        name=tensor.name,
        field=field,
        datatype=tensor.datatype,
        numpy=tensor.numpy,
        shape=list(tensor.shape),
        axes=list(tensor.axes),
        row_shape=list(row_shape),
        sample_shape=list(tensor.sample_shape[1:] if rows else tensor.sample_shape),
        annotation="list[" * len(row_shape) + scalar + "]" * len(row_shape),
        example=example[0] if rows and isinstance(example, list) else example,
    )


def _elements(tensor: Tensor) -> int:
    count = 1
    for size in tensor.sample_shape:
        count *= size
    return count


def _example(tensor: Tensor) -> object:
    """One synthetic value of the sample's shape: a slow wave between 0 and 1, ones, or the letter a."""
    flat: list[object]
    count = _elements(tensor)
    if tensor.datatype.startswith("FP"):
        flat = [round((place * 7 % 17) / 16, 2) for place in range(count)]
    elif tensor.datatype == "BOOL":
        flat = [True] * count
    elif tensor.datatype == "BYTES":
        flat = ["a"] * count
    else:
        flat = [1] * count
    return _nest(flat, list(tensor.sample_shape))


def _nest(flat: list[object], shape: list[int]) -> object:
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nest(flat[place * step : (place + 1) * step], shape[1:]) for place in range(shape[0])]


def _flat(value: object) -> list[object]:
    if not isinstance(value, list):
        return [value]
    return [leaf for part in value for leaf in _flat(part)]


def _json_file(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
