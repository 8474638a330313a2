"""What `deploy/kserve` says, read by KServe's own Python models, and walked with its router's rules over running services.

The router is a Go program; its rules here are those of its documentation: a Switch takes the first step whose condition exists in
what came, a Sequence ends with the answer before where a condition does not exist in it, an Ensemble asks all.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gjson
import kserve
import kubernetes.client
import numpy as np
import pytest
import yaml
from onnx import TensorProto

from mlscaffold.patterns import catalogue
from mlscaffold.resources import templates_folder
from tests import onnx_models
from tests.templates.conftest import Stamp
from tests.templates.processes import packages, post, running

STAMPED = [pattern.name for pattern in catalogue(templates_folder()) if pattern.stamped]
KINDS = {"InferenceService": "V1beta1InferenceService", "InferenceGraph": "V1alpha1InferenceGraph"}
Graph = Mapping[str, Any]
Body = dict[str, Any]


def documents(project: Path, name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((project / "deploy/kserve" / name).read_text()))


def unknown_keys(value: Any, kind: str, at: str = "") -> list[str]:
    """Where a value holds a key that KServe's Python models (and Kubernetes', for what is inside) do not have."""
    if inner := re.fullmatch(r"(?i:list|dict)[\[(](?:str, )?(\w+)[\])]", kind):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return [found for key, part in parts for found in unknown_keys(part, inner[1], f"{at}[{key}]")]
    model = getattr(kserve, kind, None) or getattr(kubernetes.client, kind, None)
    if model is None:
        return []
    names = {word: name for name, word in model.attribute_map.items()}
    known = {word: model.openapi_types[names[word]] for word in value if word in names}
    wrong = [f"{at}.{word}" for word in value if word not in names]
    return wrong + [found for word, kind in known.items() for found in unknown_keys(value[word], kind, f"{at}.{word}")]


@pytest.mark.parametrize("pattern", STAMPED)
def test_kserve_knows_every_key(stamped: Stamp, pattern: str) -> None:
    project = stamped(pattern)
    graph = project / "deploy/kserve/graph.yaml"
    for document in documents(project, "services.yaml") + (documents(project, "graph.yaml") if graph.exists() else []):
        assert unknown_keys(document, KINDS[document["kind"]]) == []


def test_keys_that_kserve_does_not_know_are_noticed(stamped: Stamp) -> None:
    document = documents(stamped("web-single"), "services.yaml")[0]
    predictor = document["spec"]["predictor"]
    predictor["minReplicaz"] = 2
    predictor["containers"][0]["readinessProbe"]["httpGet"]["pathh"] = "/"
    assert unknown_keys(document, KINDS["InferenceService"]) == [
        ".spec.predictor.minReplicaz",
        ".spec.predictor.containers[0].readinessProbe.httpGet.pathh",
    ]


@pytest.mark.parametrize("pattern", STAMPED)
def test_every_image_is_deployed_once(stamped: Stamp, pattern: str) -> None:
    project = stamped(pattern)
    components = [
        part
        for document in documents(project, "services.yaml")
        for key, part in document["spec"].items()
        if key in ("predictor", "transformer")
    ]
    images = [part["containers"][0]["image"].rpartition("/")[2] for part in components]
    assert sorted(image.replace("-", "_") for image in images) == packages(project)
    assert {part["containers"][0]["name"] for part in components} == {"kserve-container"}


@pytest.mark.skipif(not shutil.which("kubectl"), reason="needs kubectl")
@pytest.mark.parametrize("pattern", STAMPED)
def test_kustomize_sets_the_releases(stamped: Stamp, pattern: str) -> None:
    project = stamped(pattern)
    done = subprocess.run(["kubectl", "kustomize", "deploy/kserve"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    images = [line.split()[-1] for line in done.stdout.splitlines() if " image: " in line]
    assert len(images) == len(packages(project))
    assert all(image.endswith(":1") for image in images)


# -- the graph, walked


@contextmanager
def served(project: Path) -> Iterator[dict[str, str]]:
    """The project's model services by the host that KServe gives them."""
    with ExitStack() as running_all:
        names = sorted(path.parent.name for path in (project / "models").glob("*/model.yaml"))
        yield {
            f"{name}-predictor": running_all.enter_context(running(project, name.replace("-", "_"))) for name in names
        }


def exists(body: Body, condition: str) -> bool:
    try:
        return gjson.get(body, condition) not in (None, [])
    except gjson.GJSONError:
        return False


def walk(graph: Graph, hosts: Mapping[str, str], request: Body, node: str = "root") -> Body:
    """The answer of a node to a request."""
    router = graph["spec"]["nodes"][node]
    steps = router["steps"]
    if router["routerType"] == "Switch":
        return step_answer(graph, hosts, next(step for step in steps if exists(request, step["condition"])), request)
    if router["routerType"] == "Ensemble":
        return {step["name"]: step_answer(graph, hosts, step, request) for step in steps}
    assert router["routerType"] == "Sequence"
    answer: Body = {}
    for step in steps:
        if "condition" in step and not exists(answer, step["condition"]):
            return answer
        answer = step_answer(graph, hosts, step, answer if step.get("data") == "$response" else request)
    return answer


def step_answer(graph: Graph, hosts: Mapping[str, str], step: Mapping[str, Any], body: Body) -> Body:
    if "nodeName" in step:
        return walk(graph, hosts, body, step["nodeName"])
    url = urlsplit(step["serviceUrl"])
    return post(f"{hosts[url.hostname or '']}{url.path}?{url.query}", json.dumps(body).encode())


def output(answer: Body, name: str) -> list[float]:
    found: list[float] = next(tensor["data"] for tensor in answer["outputs"] if tensor["name"] == name)
    return found


def digits_request(image: np.ndarray) -> Body:
    return {"inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": image.tolist()}]}


def test_the_route_of_the_digits_is_that_of_the_proxy(stamped: Stamp) -> None:
    project = stamped("serial")
    (graph,) = documents(project, "graph.yaml")
    images = np.load(project / "models/heldout.npz")["images"].reshape(-1, 64)[:60].astype(np.float32)
    asked: list[str] = []
    with served(project) as hosts:
        for image in [np.zeros(64, np.float32), *images]:
            request = digits_request(image)
            first = post(f"{hosts['digits-predictor']}/v2/models/digits/infer", json.dumps(request).encode())
            unsure = image.any() and max(output(first, "probabilities")) < 0.8
            answer = walk(graph, hosts, request)
            assert answer["model_name"] == ("expert" if unsure else "digits")
            asked.append(str(answer["model_name"]))
    assert set(asked) == {"digits", "expert"}, "both ways are walked"


def test_members_answer_side_by_side(stamped: Stamp) -> None:
    project = stamped("parallel")
    (graph,) = documents(project, "graph.yaml")
    image = np.load(project / "models/heldout.npz")["images"].reshape(-1, 64)[0].astype(np.float32)
    with served(project) as hosts:
        answer = walk(graph, hosts, digits_request(image))
    assert {name: one["model_name"] for name, one in answer.items()} == {"digits": "digits", "expert": "expert"}


def test_a_stage_works_on_the_answer_of_the_one_before(
    stamped: Stamp, model_file: Callable[[str], Path], tmp_path: Path
) -> None:
    softmax = onnx_models.save(onnx_models.unary("Softmax", TensorProto.FLOAT, ["n", 3], axis=1), tmp_path / "softmax.onnx")
    project = stamped("serial", models={"first": model_file("linear"), "second": softmax})
    (graph,) = documents(project, "graph.yaml")
    steps = graph["spec"]["nodes"]["root"]["steps"]
    assert [step["data"] for step in steps] == ["$request", "$response"]
    row = [0.5, -1.0, 2.0, 0.25]
    request: Body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": row}]}
    with served(project) as hosts:
        first = post(f"{hosts['first-predictor']}/v2/models/first/infer", json.dumps(request).encode())
        answer = walk(graph, hosts, request)
    scores = np.exp(output(first, "y"))
    np.testing.assert_allclose(output(answer, "b"), scores / scores.sum(), rtol=1e-5)


def test_no_graph_where_the_router_cannot_carry_what_a_stage_needs(stamped: Stamp, model_file: Callable[[str], Path]) -> None:
    project = stamped("serial", models={"first": model_file("linear"), "second": model_file("two-by-two")})
    assert not (project / "deploy/kserve/graph.yaml").exists()
    assert "graph.yaml" not in (project / "deploy/kserve/kustomization.yaml").read_text()
