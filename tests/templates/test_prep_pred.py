"""The preprocess-prediction pattern, stamped for every layout that images come in, and run."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import onnx
import pytest
from onnx import TensorProto, helper

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from tests import onnx_models
from tests.onnx_models import Shape, value
from tests.templates import test_deploy_files as deploy
from tests.templates.conftest import Stamp
from tests.templates.processes import free_port, service

PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8


def mean(kind: int, shape: Shape, axes: Iterable[int], answer: Shape) -> onnx.ModelProto:
    """The mean over some axes of an image."""
    nodes = [
        helper.make_node("Cast", ["img"], ["light"], to=FLOAT),
        helper.make_node("ReduceMean", ["light"], ["scores"], axes=list(axes), keepdims=0),
    ]
    return onnx_models.model(nodes, [value("img", kind, shape)], [value("scores", FLOAT, answer)])


IMAGES: dict[str, Callable[[], onnx.ModelProto]] = {
    "channels-first": onnx_models.convolution,
    "channels-last": lambda: mean(BYTE, ["n", 20, 30, 3], (1, 2), ["n", 3]),
    "one-a-request": lambda: mean(FLOAT, [1, 1, 20, 30], (2, 3), [1, 1]),
    "half-greys": lambda: mean(HALF, ["n", 12, 12, 1], (1, 2), ["n", 1]),
    "in-a-row": onnx_models.linear,
}


@pytest.fixture(scope="module", params=["", *IMAGES], ids=lambda kind: kind or "example")
def project(request: pytest.FixtureRequest, stamped: Stamp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not request.param:
        return stamped("prep-pred")
    path = onnx_models.save(IMAGES[request.param](), tmp_path_factory.mktemp("model") / "model.onnx")
    return stamped("prep-pred", models={f"{request.param}-net": path})


def test_it_is_clean(project: Path) -> None:
    for command in (["check", "--no-cache", "."], ["format", "--check", "--no-cache", "--diff", "."]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    report = lint(project, Options(cache=False))
    assert [finding.message for finding in report.findings] == []


def test_its_own_tests_of_the_pair_pass(project: Path) -> None:
    command = [*PYTEST, "services/preprocess", "tests/pipeline/test_pair.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize(
    "broken",
    [
        (
            "steps.py",
            "def resized(image: Image.Image) -> Image.Image:",
            "def resized(image):\n    return image\n\n\ndef unused(image):",
        ),
        ("decoding.py", "ImageOps.exif_transpose(image, in_place=True)", "pass"),
        ("decoding.py", "if width * height > max_pixels:", "if False:"),
        ("workers.py", "await call.wait_for(asyncio.get_running_loop().run_in_executor(self._pool, checked))", "checked()"),
        ("schemas.py", "inputs=(TENSOR,)", "inputs=(TensorSpec('other', 'FP32', (-1,)),)"),
    ],
    ids=lambda broken: broken[1],
)
def test_its_own_tests_notice_what_breaks(stamped: Stamp, tmp_path: Path, broken: tuple[str, str, str]) -> None:
    project = Path(shutil.copytree(stamped("prep-pred"), tmp_path / "broken"))
    name, old, new = broken
    path = project / "services/preprocess" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    support = project / "tests/support.py"
    support.write_text(support.read_text().replace("START_S = 60.0", "START_S = 5.0"))
    command = [*PYTEST, "services/preprocess", "tests/pipeline/test_pair.py"]
    assert subprocess.run(command, cwd=project, capture_output=True).returncode == 1


def test_the_readme_s_request_works_as_printed_and_a_bomb_does_not(stamped: Stamp) -> None:
    port = free_port(following=1)
    project = stamped("prep-pred", port=port)
    assert "--data-binary @services/preprocess/sample.png" in (project / "README.md").read_text()
    ports = {"preprocess": port, "digits": port + 1}
    with (
        service(project, "digits", port=ports["digits"]),
        service(project, "preprocess", port=ports["preprocess"]) as process,
    ):
        url = f"http://127.0.0.1:{ports['preprocess']}/predict"
        sample = (project / "services/preprocess/sample.png").read_bytes()
        with urlopen(Request(url, sample, {"Content-Type": "image/png"}), timeout=10) as answer:
            assert b'"label":"4"' in answer.read()
        before_kb = peak_kb(process.pid)
        bomb = sample[:16] + (60_000).to_bytes(4, "big") * 2 + sample[24:]
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(url, bomb, {"Content-Type": "image/png"}), timeout=10)
        assert 400 <= refused.value.code < 500
        assert peak_kb(process.pid) - before_kb < 20_000


def peak_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


test_hadolint_has_nothing_to_say = deploy.test_hadolint_has_nothing_to_say
test_kubernetes_manifests_are_valid = deploy.test_kubernetes_manifests_are_valid
test_every_manifest_is_listed_and_every_listed_one_exists = deploy.test_every_manifest_is_listed_and_every_listed_one_exists
test_overlays_change_what_there_is = deploy.test_overlays_change_what_there_is
test_files_follow_their_schema = deploy.test_files_follow_their_schema
test_development_runs_on_the_very_releases_of_the_services = deploy.test_development_runs_on_the_very_releases_of_the_services
test_every_release_has_its_hashes_and_no_file_names_an_address = (
    deploy.test_every_release_has_its_hashes_and_no_file_names_an_address
)
