"""Modules that a text names, and modules that a package imports each of."""

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

APP = """from fastapi import FastAPI
from held import create

app = FastAPI()


@app.post("/{name}")
def ask(name: str, path: str):
    return create(name).ask(path)
"""
BY_NAME = """import importlib


def create(name):
    return importlib.import_module(f"{__package__}.{name}").Plugin()
"""
EACH = """import importlib
import pathlib
import pkgutil

for _, name, _ in pkgutil.iter_modules([str(pathlib.Path(__file__).parent)]):
    full = __name__ + "." + name
    importlib.import_module(full)


def create(name):
    return Plugin.__subclasses__()[0]()
"""
PLUGIN = """import whisper


class Plugin:
    model = whisper.load_model("size{number}")

    def ask(self, path):
        return self.model.transcribe(path)
"""


@pytest.mark.parametrize(("package", "modules", "found"), [(BY_NAME, 14, 14), (EACH, 5, 5), (EACH, 14, 0)])
def test_models_in_the_modules_that_a_package_imports(package, modules, found, tmp_path):
    (tmp_path / "held").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "held" / "__init__.py").write_text(package)
    for number in range(modules):
        (tmp_path / "held" / f"plugin{number}.py").write_text(PLUGIN.format(number=number))
    (service,) = lint(tmp_path, Options(cache=False)).services
    assert len(service.models) == found
