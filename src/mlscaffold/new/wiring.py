"""How several models make one: what the whole takes and gives, and where each model's inputs come from."""

import json
from pathlib import Path
from typing import Any

from mlscaffold.new.graph import graph_steps
from mlscaffold.new.values import ModelContext, PipelineContext, StageContext, TensorContext

REQUEST = "request"


def chain(name: str, models: list[ModelContext]) -> PipelineContext:
    """Each model works on what those before it said, and on the request; the last one's outputs are the answer.

    An input is fed from an earlier output of its name; else from the request where another model takes the same there; else from
    the only output of the model before that fits; else it becomes an input of the whole.
    """
    inputs: list[TensorContext] = []
    stages: list[StageContext] = []
    for place, model in enumerate(models):
        feeds = {tensor["name"]: _source(tensor, model, inputs, models[:place]) for tensor in model["inputs"]}
        stages.append(StageContext(model=model, feeds=feeds))
    last = models[-1]
    return _whole(name, models, inputs, last["outputs"], last["labels"], stages)


def fan_out(name: str, models: list[ModelContext]) -> PipelineContext:
    """Every model sees the request. Where all give the same outputs, those are the answer's; else each model's, by its name."""
    inputs: list[TensorContext] = []
    stages = [
        StageContext(model=model, feeds={tensor["name"]: _from_request(tensor, model, inputs) for tensor in model["inputs"]})
        for model in models
    ]
    first = models[0]
    if all(_essence(model["outputs"]) == _essence(first["outputs"]) for model in models):
        return _whole(name, models, inputs, first["outputs"], first["labels"], stages)
    outputs = [_named(tensor, model) for model in models for tensor in model["outputs"]]
    return _whole(name, models, inputs, outputs, [], stages)


WIRINGS = {"chain": chain, "fan-out": fan_out}


def _whole(
    name: str,
    models: list[ModelContext],
    inputs: list[TensorContext],
    outputs: list[TensorContext],
    labels: list[str],
    stages: list[StageContext],
) -> PipelineContext:
    row = all(model["row"] for model in models)
    whole = PipelineContext(name=name, inputs=inputs, outputs=outputs, labels=labels, row=row, stages=stages, graph=[])
    return {**whole, "graph": graph_steps(whole)}


def _source(tensor: TensorContext, model: ModelContext, inputs: list[TensorContext], earlier: list[ModelContext]) -> str:
    for other in reversed(earlier):
        if any(_fits(output, tensor) and output["name"] == tensor["name"] for output in other["outputs"]):
            return f"{other['name']}.{tensor['name']}"
    if any(_same(known, tensor) for known in inputs):
        return f"{REQUEST}.{tensor['name']}"
    fitting = [output for output in earlier[-1]["outputs"] if _fits(output, tensor)] if earlier else []
    if len(fitting) == 1:
        return f"{earlier[-1]['name']}.{fitting[0]['name']}"
    return _from_request(tensor, model, inputs)


def _from_request(tensor: TensorContext, model: ModelContext, inputs: list[TensorContext]) -> str:
    """The input of the whole that feeds this one; it is added where there is none yet."""
    if any(_same(known, tensor) for known in inputs):
        return f"{REQUEST}.{tensor['name']}"
    taken = {known["name"] for known in inputs}
    added = tensor if tensor["name"] not in taken else _named(tensor, model)
    inputs.append(added)
    return f"{REQUEST}.{added['name']}"


def _named(tensor: TensorContext, model: ModelContext) -> TensorContext:
    """The tensor under a name of its own, beside others of the same name."""
    return {**tensor, "name": f"{model['name']}_{tensor['name']}", "field": f"{model['package']}_{tensor['field']}"}


def _same(one: TensorContext, two: TensorContext) -> bool:
    return (one["name"], one["datatype"], one["shape"]) == (two["name"], two["datatype"], two["shape"])


def _fits(output: TensorContext, taken: TensorContext) -> bool:
    if output["datatype"] != taken["datatype"] or len(output["shape"]) != len(taken["shape"]):
        return False
    return all(given in (-1, asked) or asked == -1 for given, asked in zip(output["shape"], taken["shape"], strict=True))


def _essence(tensors: list[TensorContext]) -> list[tuple[str, str, list[int]]]:
    return [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in tensors]


def sample_requests(pipeline: PipelineContext, rendering: Path) -> dict[str, str]:
    """The sample requests of the whole (v2 and typed) by file name, put together from those of the models in a rendering."""
    tensors: dict[str, Any] = {}
    values: dict[str, Any] = {}
    wanted = {tensor["name"]: tensor["field"] for tensor in pipeline["inputs"]}
    for stage in pipeline["stages"]:
        folder = rendering / "models" / stage["model"]["name"]
        v2 = {tensor["name"]: tensor for tensor in json.loads((folder / "sample-v2.json").read_bytes())["inputs"]}
        typed = json.loads((folder / "sample.json").read_bytes())
        for tensor in stage["model"]["inputs"]:
            place, _, name = stage["feeds"][tensor["name"]].partition(".")
            if place == REQUEST and name in wanted and name not in tensors:
                tensors[name] = {**v2[tensor["name"]], "name": name}
                values[wanted[name]] = typed[tensor["field"]]
    return {
        "sample-v2.json": json.dumps({"inputs": list(tensors.values())}, ensure_ascii=False) + "\n",
        "sample.json": json.dumps(values, ensure_ascii=False) + "\n",
    }
