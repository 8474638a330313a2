"""The door for KServe's InferenceGraph: a stage works on the answer of another one as on a request."""

import json
from pathlib import Path
from typing import Any

from tests.support import Answer, Process, model_services, running

SERVICE = model_services()[0]
PATH = f"/v2/models/{SERVICE.model}"


def _sample() -> list[dict[str, Any]]:
    path = SERVICE.file.parents[1] / "sample-v2.json"
    tensors: list[dict[str, Any]] = json.loads(path.read_bytes())["inputs"]
    return tensors


def _asked(process: Process, path: str, body: object) -> Answer:
    return process.ask("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})


def test_an_answer_is_taken_as_the_request_that_it_makes(tmp_path: Path) -> None:
    inputs = _sample()
    before = [{**tensor, "name": f"given_{tensor['name']}"} for tensor in inputs]
    more = {"name": "more", "shape": [1], "datatype": "INT64", "data": [1]}
    query = "&".join(f"{tensor['name']}=given_{tensor['name']}" for tensor in inputs)
    with running(SERVICE, tmp_path) as process:
        direct = _asked(process, f"{PATH}/infer", {"inputs": inputs})
        named = _asked(process, f"{PATH}/after?{query}", {"model_name": "x", "outputs": [*before, more]})
        same = _asked(process, f"{PATH}/after", {"outputs": [more, *inputs]})
    assert direct.status == named.status == same.status == 200
    assert direct.json == named.json == same.json


def test_what_is_no_answer_is_refused_with_the_reason(tmp_path: Path) -> None:
    with running(SERVICE, tmp_path) as process:
        for path, body, said in (
            (f"{PATH}/after", {"inputs": _sample()}, "not the answer of an inference"),
            (f"{PATH}/after?nothing=x", {"outputs": _sample()}, "unknown input 'nothing'"),
            (f"{PATH}/after", {"outputs": []}, "the answer has none"),
        ):
            answer = _asked(process, path, body)
            assert (answer.status, said in answer.error) == (400, True), answer.error
