"""Names of models and classes in texts: lists in one text, INI files, classes by their dotted name."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

START = "from fastapi import FastAPI\n\napp = FastAPI()\n"
READ = 'import configparser\n\nconfig = configparser.ConfigParser()\nconfig.read("conf/models.ini")\n'
LOAD = "from ultralytics import YOLO\n\n"
PLUGIN = "from ultralytics import YOLO\n\n\nclass {}:\n    def __init__(self):\n        self.model = YOLO('{}')\n"
PLUGINS = {"plugins/faces.py": PLUGIN.format("Faces", "faces.pt"), "plugins/plates.py": PLUGIN.format("Plates", "plates.pt")}
LISTED = """import os
from pydoc import locate

for name in os.getenv("PLUGINS", "plugins.faces.Faces,plugins.plates.Plates").split(","):
    plugin = locate(name)()
"""
CUT = """from importlib import import_module


def made(path):
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)()


plugin = made("plugins.faces.Faces")
"""
IMPORTED = "from django.utils.module_loading import import_string\n\nplugin = import_string('plugins.plates:Plates')()\n"


def loaded(folder: Path, app: str, files: Mapping[str, str] | None = None) -> list[str]:
    """The names of the models that a server of this code loads."""
    for path, text in {"app.py": START + app, **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return sorted(model.name for service in lint(folder, Options(cache=False)).services for model in service.models)


@pytest.mark.parametrize(
    ("app", "names"),
    [
        (f'{READ}{LOAD}model = YOLO(config["vision"]["file"])\n', ["best.pt"]),
        (f'{READ}{LOAD}model = YOLO(config.get("vision", "FILE"))\n', ["best.pt"]),
        (f'{READ}{LOAD}model = YOLO(config["vision"].get("file"))\n', ["best.pt"]),
        (f'{READ}{LOAD}for name, path in config.items("all"):\n    models[name] = YOLO(path)\n', ["a.pt"]),
        (f'{READ}{LOAD}model = YOLO(config.get("nowhere", "file"))\n', ["ultralytics"]),
    ],
    ids=["subscripts", "get", "get of a section", "items", "what is not there"],
)
@pytest.mark.parametrize("name", ["conf/models.ini", "conf/models.ini.example"])
def test_an_ini_file(tmp_path: Path, app: str, names: list[str], name: str) -> None:
    content = "; models\n[vision]\nfile = best.pt\n[all]\na = a.pt\nb = b.pt\n"
    assert set(names) <= set(loaded(tmp_path, app, {name: content}))


@pytest.mark.parametrize(
    "path",
    ["Path('weights') / 'faces.onnx'", "FOLDER / 'weights' / 'faces.onnx'", "Path(os.getenv('DIR', 'weights')) / f'{NAME}.onnx'"],
    ids=["two parts", "three", "of a setting"],
)
def test_a_path_of_parts_leads_to_the_file(tmp_path: Path, path: str) -> None:
    app = "import os\nfrom pathlib import Path\n\nfrom onnxruntime import InferenceSession\n\nFOLDER, NAME = Path('.'), 'faces'\n"
    app += f"model = InferenceSession(str({path}))\n"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "faces.onnx").write_bytes(b"0" * 3_000)
    assert loaded(tmp_path, app) == ["faces.onnx"]
    assert [model.bytes for service in lint(tmp_path, Options(cache=False)).services for model in service.models] == [3_000]


@pytest.mark.parametrize(
    ("base", "made", "name"),
    [
        ("BaseSettings", "Chosen('conf.env')", "small.pt"),
        ("BaseSettings", "Chosen(path='large.pt')", "large.pt"),
        ("NamedTuple", "Chosen('large.pt')", "large.pt"),
        ("NamedTuple", "Chosen()", "small.pt"),
        ("Base", "Chosen(4, 'large.pt')", "large.pt"),
    ],
    ids=["settings take no field by its place", "by its name", "a named tuple", "a default", "behind the fields of its base"],
)
def test_a_record_holds_what_it_is_filled_with(tmp_path: Path, base: str, made: str, name: str) -> None:
    app = (
        "from typing import NamedTuple\n\nfrom pydantic_settings import BaseSettings\n\n\nclass Base:\n    workers: int = 1\n\n\n"
    )
    app += f"class Chosen({base}):\n    path: str = 'small.pt'\n\n\n{LOAD}model = YOLO({made}.path)\n"
    assert loaded(tmp_path, app) == [name]


def test_a_loop_over_a_section_is_a_loop_over_configuration(tmp_path: Path) -> None:
    app = f'{READ}{LOAD}models = {{}}\nfor name, path in config.items("all"):\n    models[name] = YOLO(path)\n'
    app += '\n\n@app.post("/predict")\ndef predict(name: str, path: str):\n    return models[name](path)\n'
    loaded(tmp_path, app, {"conf/models.ini": "[all]\na = a.pt\n"})
    assert "MLS101" in {found.code for found in lint(tmp_path, Options(cache=False)).findings}


@pytest.mark.parametrize("content", ["no section\n", "[a\n", "", "[a]\n" * 99, "[vision]\nfile = %(x)s\n"])
def test_an_odd_ini_file_is_harmless(tmp_path: Path, content: str) -> None:
    loaded(tmp_path, f'{READ}{LOAD}model = YOLO(config["vision"]["file"])\n', {"conf/models.ini": content})


@pytest.mark.parametrize(
    ("app", "names"),
    [
        ('from pydoc import locate\n\nplugin = locate("plugins.faces.Faces")()\n', ["faces.pt"]),
        (IMPORTED, ["plates.pt"]),
        ('from importlib import import_module\n\nplugin = getattr(import_module("plugins.faces"), "Faces")()\n', ["faces.pt"]),
        (LISTED, ["faces.pt", "plates.pt"]),
        (CUT, ["faces.pt"]),
        ('from pydoc import locate\n\nmodel = locate("ultralytics.YOLO")("yolov8n.pt")\n', ["yolov8n.pt"]),
        ('from pydoc import locate\n\nplugin = locate("plugins.nobody.Nobody")()\n', []),
        ('from pydoc import locate\n\nplugin = locate("not a name")()\n', []),
    ],
    ids=["locate", "import_string", "getattr", "a list in the environment", "cut in two", "a library's", "nobody", "no name"],
)
def test_classes_named_in_texts(tmp_path: Path, app: str, names: list[str]) -> None:
    assert loaded(tmp_path, app, PLUGINS) == names


def test_a_module_beside_the_one_that_asks(tmp_path: Path) -> None:
    manager = "from importlib import import_module\n\nmodule = import_module(f'{__package__}.faces')\nplugin = module.Faces()\n"
    files = {**PLUGINS, "plugins/__init__.py": "", "plugins/manager.py": manager}
    assert loaded(tmp_path, "import plugins.manager\n", files) == ["faces.pt"]


def test_values_of_a_dotenv_file(tmp_path: Path) -> None:
    app = f'from dotenv import dotenv_values\n{LOAD}config = dotenv_values(".env")\nmodel = YOLO(config["WEIGHTS"])\n'
    assert loaded(tmp_path, app, {".env": "WEIGHTS=best.pt\n"}) == ["best.pt"]
