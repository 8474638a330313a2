"""The shipped example models, which stand in where the user gives none."""

from pathlib import Path

from mlscaffold import onnxfile
from mlscaffold.errors import TemplateInvalid
from mlscaffold.new.context import StampedModel
from mlscaffold.new.stamp import PARTS
from mlscaffold.patterns import Pattern


def stand_ins(pattern: Pattern, templates: Path) -> tuple[StampedModel, ...]:
    """The models of a pattern's example, read from its layer's `models/` folder.

    Raises:
        TemplateInvalid: the layer lacks a model that the pattern names.
    """
    folder = templates / PARTS / pattern.example / "models"
    return tuple(_stand_in(folder, name) for name in pattern.stand_ins)


def _stand_in(folder: Path, name: str) -> StampedModel:
    import yaml

    try:
        said = yaml.safe_load((folder / name / "model.yaml").read_text(encoding="utf-8"))
        return StampedModel(
            name=name,
            file=onnxfile.read(folder / name / str(said["version"]) / "model.onnx"),
            title=said["title"],
            description=said["description"],
            labels=tuple(str(label) for label in said.get("labels", ())),
            version=str(said["version"]),
        )
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise TemplateInvalid(f"{folder / name}: the shipped model cannot be read: {error!r}") from error
