"""Projects of several models: their deploy files, their images, and their own tests around models of the user's own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto

from tests import onnx_models
from tests.templates import test_deploy_files as deploy
from tests.templates.conftest import Stamp
from tests.templates.processes import packages

PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
TIME_LIMIT_S = 900


@pytest.fixture(scope="module", params=["serial", "parallel"])
def project(request: pytest.FixtureRequest, stamped: Stamp) -> Path:
    return stamped(request.param)


def test_every_service_has_an_image_that_can_start(project: Path, tmp_path: Path) -> None:
    assert [path.parent.name for path in deploy.dockerfiles(project)] == packages(project)
    for path in deploy.dockerfiles(project):
        package = path.parent.name
        code = f"from services.{package}.app import create; create()"
        done = deploy.run(sys.executable, "-c", code, cwd=deploy.image_of(project, path, tmp_path / package))
        assert done.returncode == 0, done.stderr


def test_compose_starts_every_service_hardened_and_shows_one(project: Path) -> None:
    services = deploy.documents(project / "compose.yaml")[0]["services"]
    assert {name.replace("-", "_") for name in services} >= set(packages(project))
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    for service in services.values():
        assert service["read_only"] and service["init"] and service["cap_drop"] == ["ALL"]
        assert service["healthcheck"]["test"][0] == "CMD"


test_hadolint_has_nothing_to_say = deploy.test_hadolint_has_nothing_to_say
test_kubernetes_manifests_are_valid = deploy.test_kubernetes_manifests_are_valid
test_every_manifest_is_listed_and_every_listed_one_exists = deploy.test_every_manifest_is_listed_and_every_listed_one_exists
test_overlays_change_what_there_is = deploy.test_overlays_change_what_there_is
test_kustomize_builds_valid_objects = deploy.test_kustomize_builds_valid_objects
test_objects_point_at_each_other = deploy.test_objects_point_at_each_other
test_pods_satisfy_the_restricted_standard = deploy.test_pods_satisfy_the_restricted_standard_and_are_given_time_to_drain
test_files_follow_their_schema = deploy.test_files_follow_their_schema
test_ci_pins_its_actions_and_may_only_read = deploy.test_ci_pins_its_actions_and_may_only_read
test_development_runs_on_the_very_releases_of_the_services = deploy.test_development_runs_on_the_very_releases_of_the_services
test_every_release_has_its_hashes_and_no_file_names_an_address = (
    deploy.test_every_release_has_its_hashes_and_no_file_names_an_address
)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["serial", "parallel"])
def test_the_tests_around_models_of_the_users_own(
    stamped: Stamp, model_file: Callable[[str], Path], tmp_path: Path, pattern: str
) -> None:
    softmax = onnx_models.save(onnx_models.unary("Softmax", TensorProto.FLOAT, ["n", 3], axis=1), tmp_path / "softmax.onnx")
    second = softmax if pattern == "serial" else model_file("linear")
    project = stamped(pattern, models={"price-net": model_file("linear"), "second": second})
    done = subprocess.run([*PYTEST, "tests/pipeline"], cwd=project, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    assert done.returncode == 0, done.stdout[-6000:]
