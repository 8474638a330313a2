"""What carries a stamped project elsewhere: images, compose, Kubernetes, CI; checked by the tools that read them, and by use."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.templates.conftest import Stamp
from tests.templates.processes import packages, post, running

TOOLS = Path(sys.executable).parent
MODELS = {"example": None, "own-model": "two-by-two", "hyphenated-name": "static-batch"}


@pytest.fixture(scope="module", params=MODELS, ids=str)
def project(request: pytest.FixtureRequest, stamped: Stamp, model_file: Callable[[str], Path]) -> Path:
    kind = MODELS[request.param]
    return stamped("web-single", models={"price-of-things": model_file(kind)}) if kind else stamped("web-single")


def run(*command: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True)


def documents(path: Path) -> list[dict]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def dockerfiles(project: Path) -> list[Path]:
    return sorted(project.glob("services/*/Dockerfile"))


def manifests(project: Path) -> list[Path]:
    found = sorted((project / "deploy/kubernetes").rglob("*.yaml"))
    return [path for path in found if path.name != "kustomization.yaml"]


def of_kind(project: Path, kind: str) -> list[dict]:
    return [one for path in manifests(project) for one in documents(path) if one["kind"] == kind]


def containers(project: Path) -> list[dict]:
    return [one for pod in of_kind(project, "Deployment") for one in pod["spec"]["template"]["spec"]["containers"]]


def settings_of(project: Path, package: str) -> dict[str, object]:
    """Every setting of a service and its default, from the class itself."""
    code = (
        f"import json; from services.{package}.settings import Settings as S; "
        "print(json.dumps({name: field.default for name, field in S.model_fields.items()}, default=str))"
    )
    done = run(sys.executable, "-c", code, cwd=project)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# -- images


def test_hadolint_has_nothing_to_say(project: Path) -> None:
    assert len(dockerfiles(project)) == len(packages(project)) > 0
    done = run(TOOLS / "hadolint", "--failure-threshold", "style", *dockerfiles(project))
    assert (done.returncode, done.stdout) == (0, "")


def test_what_an_image_copies_is_enough_to_serve(project: Path, tmp_path: Path) -> None:
    for path in dockerfiles(project):
        package = path.parent.name
        root = image_of(project, path, tmp_path / package)
        name = next((root / "models").iterdir()).name
        with running(project, package, cwd=root) as address:
            sample = (project / "models" / name / "sample.json").read_bytes()
            assert post(f"{address}/predict", sample)["model_version"] == "1"


def image_of(project: Path, dockerfile: Path, root: Path) -> Path:
    """The folder with what an image holds of the project."""
    ignored = _ignored(project)
    for source, target in _copied(dockerfile):
        assert (project / source).exists(), f"{dockerfile}: copies {source}, which is not there"
        for file in [p for p in [project / source, *(project / source).rglob("*")] if p.is_file()]:
            inner = file.relative_to(project / source)
            if str(file.relative_to(project)) not in ignored:
                place = root / target / inner if (project / source).is_dir() else root / target / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
    assert not list(root.rglob("tests")), "tests have no place in an image"
    return root


def _copied(path: Path) -> Iterator[tuple[str, str]]:
    final = path.read_text().rpartition("\nFROM ")[2]
    yield from re.findall(r"^COPY (?!--)(\S+) (\S+)$", final, re.MULTILINE)


def _ignored(project: Path) -> set[str]:
    """The files that .dockerignore keeps from the builder (the last matching line decides; `*` stays within a folder)."""
    rules = [line for line in (project / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    files = [path.relative_to(project) for path in project.rglob("*") if path.is_file()]
    ignored = set()
    for file in files:
        out = False
        for rule in rules:
            pattern = re.escape(rule.lstrip("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(pattern, str(part)) for part in (file, *file.parents)):
                out = not rule.startswith("!")
        if out:
            ignored.add(str(file))
    return ignored


# -- compose and CI


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.compose-spec", "compose.yaml"), ("vendor.github-workflows", ".github/workflows/ci.yml")],
)
def test_files_follow_their_schema(project: Path, schema: str, file: str) -> None:
    done = run(TOOLS / "check-jsonschema", "--builtin-schema", schema, file, cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pre_commit_accepts_its_configuration(project: Path) -> None:
    done = run(TOOLS / "pre-commit", "validate-config", ".pre-commit-config.yaml", cwd=project)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_runs_hardened_replicas_behind_a_balancer(project: Path) -> None:
    compose = documents(project / "compose.yaml")[0]["services"]
    model = next(name for name in compose if name != "balancer")
    assert compose[model]["deploy"]["replicas"] == 2
    assert (project / compose[model]["build"]["dockerfile"]).is_file()
    assert "ports" not in compose[model], "two replicas cannot share one port of the host"
    assert compose["balancer"]["depends_on"] == {model: {"condition": "service_healthy"}}
    for service in compose.values():
        assert service["read_only"] and service["init"] and service["cap_drop"] == ["ALL"]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    for mount in compose["balancer"]["volumes"]:
        assert (project / mount.split(":")[0]).is_file()


def test_ci_pins_its_actions_and_may_only_read(project: Path) -> None:
    text = (project / ".github/workflows/ci.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    targets = set(re.findall(r"^([a-z]+):", (project / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"run: make (\w+)", text)) <= targets


@pytest.mark.skipif(not shutil.which("haproxy"), reason="needs haproxy")
def test_haproxy_accepts_the_balancer_configuration(project: Path) -> None:
    done = run("haproxy", "-c", "-f", "deploy/compose/haproxy.cfg", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


# -- Kubernetes


def complaints(*paths: Path) -> list[str]:
    """What kubernetes-validate says beside "passed"; its exit code is 0 even for a kind that no longer exists."""
    done = run(TOOLS / "kubernetes-validate", "--strict", *paths)
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) >= len(paths)
    return [line for line in lines if not line.startswith("INFO ")]


def test_kubernetes_manifests_are_valid(project: Path) -> None:
    assert complaints(*manifests(project)) == []


def test_the_validation_notices_removed_kinds_and_wrong_keys(project: Path, tmp_path: Path) -> None:
    removed, wrong = tmp_path / "removed.yaml", tmp_path / "wrong.yaml"
    budget = next(path for path in manifests(project) if path.name == "disruption-budget.yaml").read_text()
    removed.write_text(budget.replace("policy/v1", "policy/v1beta1"))
    wrong.write_text(budget.replace("maxUnavailable", "maxUnavailabel"))
    assert [line.split()[0] for line in complaints(removed, wrong)] == ["WARN", "ERROR"]


def test_every_manifest_is_listed_and_every_listed_one_exists(project: Path) -> None:
    listed = set()
    for path in (project / "deploy/kubernetes").rglob("kustomization.yaml"):
        for resource in documents(path)[0]["resources"]:
            target = (path.parent / resource).resolve()
            assert target.is_file() or (target / "kustomization.yaml").is_file(), f"{path}: {resource}"
            listed.add(target)
    assert set(manifests(project)) <= {path for path in listed if path.is_file()}


def test_overlays_change_what_there_is(project: Path) -> None:
    images = {container["image"] for container in containers(project)}
    for path in (project / "deploy/kubernetes/overlays").glob("*/kustomization.yaml"):
        overlay = documents(path)[0]
        assert {image["name"] for image in overlay["images"]} == images
        assert {one["metadata"]["name"] for one in documents(path.parent / "namespace.yaml")} == {overlay["namespace"]}
        for patch in overlay["patches"]:
            targets = of_kind(project, patch["target"]["kind"])
            assert targets
            for operation in yaml.safe_load(patch["patch"]):
                for target in targets:
                    value: object = target
                    for key in operation["path"].strip("/").split("/"):
                        assert isinstance(value, dict) and key in value, f"{path}: {operation['path']}"
                        value = value[key]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="needs kubectl")
@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_kustomize_builds_valid_objects(project: Path, overlay: str, tmp_path: Path) -> None:
    done = run("kubectl", "kustomize", f"deploy/kubernetes/overlays/{overlay}", cwd=project)
    assert done.returncode == 0, done.stderr
    built = tmp_path / "built.yaml"
    built.write_text(done.stdout)
    assert complaints(built) == []
    kinds = [one["kind"] for one in documents(built)]
    each = ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]
    assert sorted(kinds) == sorted(["Namespace", *(each * len(packages(project)))])


def test_objects_point_at_each_other(project: Path) -> None:
    deployments = {one["metadata"]["name"]: one["spec"] for one in of_kind(project, "Deployment")}
    pods = [spec["template"]["metadata"]["labels"] for spec in deployments.values()]
    for spec in deployments.values():
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
        assert "replicas" not in spec, "the autoscaler owns the number"
    for service in of_kind(project, "Service"):
        assert any(service["spec"]["selector"].items() <= labels.items() for labels in pods)
    for budget in of_kind(project, "PodDisruptionBudget"):
        assert any(budget["spec"]["selector"]["matchLabels"].items() <= labels.items() for labels in pods)
    for scaler in of_kind(project, "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] in deployments


def test_pods_satisfy_the_restricted_standard_and_are_given_time_to_drain(project: Path) -> None:
    for deployment in of_kind(project, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            drain = next(float(one["value"]) for one in container["env"] if one["name"].endswith("_DRAIN_SECONDS"))
            before = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
            assert pod["terminationGracePeriodSeconds"] > before + drain
    for path in dockerfiles(project):
        user = re.findall(r"^USER (\d+):", path.read_text(), re.MULTILINE)
        assert user == [str(of_kind(project, "Deployment")[0]["spec"]["template"]["spec"]["securityContext"]["runAsUser"])]


def test_every_probe_asks_a_route_that_answers(project: Path) -> None:
    paths = set()
    for container in containers(project):
        assert [port["name"] for port in container["ports"]] == ["http"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "http"
            paths.add(container[probe]["httpGet"]["path"])
    texts = [project / "compose.yaml", project / "deploy/compose/haproxy.cfg", *dockerfiles(project)]
    paths |= {path for text in texts for path in re.findall(r"/v2/health/\w+", text.read_text())}
    annotations = of_kind(project, "Deployment")[0]["spec"]["template"]["metadata"]["annotations"]
    paths.add(annotations["prometheus.io/path"])
    with running(project, packages(project)[0]) as address:
        for path in paths:
            with urlopen(address + path, timeout=5) as answer:
                assert answer.status == 200


# -- settings


def test_documented_settings_are_the_settings(project: Path) -> None:
    package = packages(project)[0]
    settings = settings_of(project, package)
    prefix = package.upper() + "_"
    lines = re.findall(rf"^# {prefix}(\w+)=(.*)$", (project / ".env.example").read_text(), re.MULTILINE)
    assert {name.lower(): value for name, value in lines} == {
        name: "" if value is None else json.dumps(value).strip('"') if not isinstance(value, float) else f"{value:g}"
        for name, value in settings.items()
    }
    readme = re.findall(rf"^\| `{prefix}(\w+)` \|", (project / "README.md").read_text(), re.MULTILINE)
    assert sorted(name.lower() for name in readme) == sorted(settings)


def test_deploy_files_set_only_settings_that_exist(project: Path) -> None:
    package = packages(project)[0]
    known = {f"{package}_{name}".upper() for name in settings_of(project, package)}
    texts = [project / "compose.yaml", project / "deploy/compose/haproxy.cfg", *dockerfiles(project), *manifests(project)]
    used = {name for text in texts for name in re.findall(rf"\b{package.upper()}_[A-Z_]+\b", text.read_text())}
    assert used
    assert used <= known


# -- dependencies


def pins(path: Path) -> set[str]:
    """Every pinned release, with its marker."""
    return set(re.findall(r"^(\S+==[^\\\n]+?) \\$", path.read_text(), re.MULTILINE))


def test_development_runs_on_the_very_releases_of_the_services(project: Path) -> None:
    together = pins(project / "requirements-dev.txt")
    for path in project.glob("services/*/requirements.txt"):
        assert pins(path), path
        assert pins(path) - together == set()


def test_every_release_has_its_hashes_and_no_file_names_an_address(project: Path) -> None:
    for path in [*project.glob("requirements*.txt"), *project.rglob("*/requirements.txt")]:
        text = path.read_text()
        assert "://" not in text
        releases = [block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if "==" in block]
        assert [block for block in releases if "--hash=sha256:" not in block] == []
