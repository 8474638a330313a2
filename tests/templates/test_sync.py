"""The synchronous pattern, stamped for models of every kind, and run: both doors and the blocking client."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from tests import onnx_models
from tests.templates import test_deploy_files as deploy
from tests.templates.conftest import Stamp
from tests.templates.processes import free_port, service

PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
OF_THE_MODEL = "metadata or raw or rest_and or typed or wrong or refuses"


@pytest.fixture(scope="module", params=["", *onnx_models.SERVABLE], ids=lambda kind: kind or "example")
def project(request: pytest.FixtureRequest, stamped: Stamp, model_file: Callable[[str], Path]) -> Path:
    return stamped("sync", models={request.param: model_file(request.param)}) if request.param else stamped("sync")


def test_both_doors_and_the_client_know_the_model(project: Path) -> None:
    command = [*PYTEST, "-k", OF_THE_MODEL, "tests/test_grpc.py", "tests/test_client.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("client/transport.py", "status != 503", "status < 500"),
        ("client/transport.py", "sock.shutdown(socket.SHUT_RDWR)", "pass"),
        ("client/transport.py", "if time.monotonic() + pause_s >= ends_at:", "if False:"),
        ("client/transport.py", '"X-Deadline-Ms": str(max(1, int(left_s * 1000)))', '"X-Deadline-Ms": "3000"'),
        ("serving/grpc_door.py", "with self._parts.admission:", "if True:"),
        ("serving/grpc_door.py", 'read_deadline(call, headers.get(b"x-deadline-ms"))', "pass"),
        ("serving/grpc_door.py", '("grpc.so_reuseport", 0)', '("grpc.so_reuseport", 1)'),
        ("serving/grpc_messages.py", "5 inputs *.InferInputTensor, 6 outputs", "6 inputs *.InferInputTensor, 5 outputs"),
    ],
)
def test_its_own_tests_notice_what_breaks(stamped: Stamp, tmp_path: Path, file: str, old: str, new: str) -> None:
    project = Path(shutil.copytree(stamped("sync"), tmp_path / "broken"))
    path = project / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    tests = ["tests/test_client.py"] if file.startswith("client") else ["tests/test_grpc_messages.py", "tests/test_grpc.py"]
    support = project / "tests/support.py"
    support.write_text(support.read_text().replace("START_S = 60.0", "START_S = 10.0"))
    assert subprocess.run([*PYTEST, *tests], cwd=project, capture_output=True).returncode == 1


def test_what_the_readme_shows_works_as_printed(stamped: Stamp) -> None:
    project = Path(stamped("sync", port=free_port(following=1)))  # gRPC takes the next one
    text = (project / "README.md").read_text()
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/predict", text)[1])  # type: ignore[index]
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(programs) == 3, "the client, gRPC, REST"
    with service(project, "digits", port=port):
        for program in programs:
            done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip()
            assert "without an answer" not in done.stdout


def test_the_linter_finds_nothing(stamped: Stamp) -> None:
    report = lint(stamped("sync"), Options(cache=False))
    assert [finding.message for finding in report.findings] == []


test_hadolint_has_nothing_to_say = deploy.test_hadolint_has_nothing_to_say
test_what_an_image_copies_is_enough_to_serve = deploy.test_what_an_image_copies_is_enough_to_serve
test_kubernetes_manifests_are_valid = deploy.test_kubernetes_manifests_are_valid
test_every_manifest_is_listed_and_every_listed_one_exists = deploy.test_every_manifest_is_listed_and_every_listed_one_exists
test_overlays_change_what_there_is = deploy.test_overlays_change_what_there_is
test_files_follow_their_schema = deploy.test_files_follow_their_schema
test_development_runs_on_the_very_releases_of_the_services = deploy.test_development_runs_on_the_very_releases_of_the_services
test_every_release_has_its_hashes_and_no_file_names_an_address = (
    deploy.test_every_release_has_its_hashes_and_no_file_names_an_address
)
