"""The whole as KServe's InferenceGraph, whose router hands each step the request or the answer of the step before, no more."""

from mlscaffold.new.values import GraphStepContext, PipelineContext, StageContext

REQUEST, RESPONSE = "$request", "$response"


def graph_steps(pipeline: PipelineContext) -> list[GraphStepContext]:
    """The steps in order; none where a stage needs what the router does not carry to it.

    A step takes the request where its model takes just what the whole takes, and the answer of the step before where all that it
    takes is found there. FP16 has no JSON form in the protocol, and the router speaks nothing else.
    """
    steps: list[GraphStepContext] = []
    asked = {tensor["name"] for tensor in pipeline["inputs"]}
    before = ""
    for stage in pipeline["stages"]:
        step = _step(stage, asked, before)
        if step is None:
            return []
        steps.append(step)
        before = stage["model"]["name"]
    return steps


def _step(stage: StageContext, asked: set[str], before: str) -> GraphStepContext | None:
    model, feeds = stage["model"], stage["feeds"]
    if any(tensor["datatype"] == "FP16" for tensor in (*model["inputs"], *model["outputs"])):
        return None
    if set(feeds) == asked and all(source == f"request.{name}" for name, source in feeds.items()):
        return GraphStepContext(name=model["name"], data=REQUEST, feeds={})
    if before and all(source.startswith(f"{before}.") for source in feeds.values()):
        return GraphStepContext(
            name=model["name"], data=RESPONSE, feeds={name: source.partition(".")[2] for name, source in feeds.items()}
        )
    return None
