"""The shapes of what templates print: plain JSON values with names."""

from typing import TypedDict


class TensorContext(TypedDict):
    name: str
    field: str
    datatype: str
    numpy: str
    shape: list[int]
    axes: list[str | int]
    row_shape: list[int]
    sample_shape: list[int]  # row_shape with every free dimension as in the sample
    annotation: str
    example: object


class ImageContext(TypedDict):
    """How a model takes images; `layout` is CHW, HWC or flat. A free height or width has the sample's size."""

    layout: str
    channels: int
    height: int
    width: int


class ModelContext(TypedDict):
    """`external_data` maps the files beside the model to their SHA-256; `image` is None where it takes no images."""

    name: str
    package: str
    title: str
    description: str
    version: str
    path: str
    sha256: str
    external_data: dict[str, str]
    bytes: int
    size: str
    latency_ms: float
    labels: list[str]
    row: bool
    batchable: bool
    inputs: list[TensorContext]
    outputs: list[TensorContext]
    image: ImageContext | None


class ServiceContext(TypedDict):
    """`calls` are the names of the services that it asks; `grpc_port` is None where it has REST alone."""

    name: str
    package: str
    env: str
    port: int
    grpc_port: int | None
    role: str
    does: str
    model: ModelContext | None
    calls: list[str]


class PatternContext(TypedDict):
    name: str
    title: str
    group: str
    summary: str
    when: list[str]
    merits: list[str]
    demerits: list[str]
    remains: list[str]
    decide: list[str]
    diagram: str
    grpc: bool
    services: list[dict[str, str]]


class StageContext(TypedDict):
    """One model in the whole; `feeds` says for each input where it comes from ("request.image", "ner.tokens")."""

    model: ModelContext
    feeds: dict[str, str]


class GraphStepContext(TypedDict):
    """One step of the whole in KServe's InferenceGraph.

    `data` is what it is given; `feeds` maps its inputs to the outputs of the answer before, where it is given that.
    """

    name: str
    data: str
    feeds: dict[str, str]


class PipelineContext(TypedDict):
    """The whole, seen as one model. `labels` are those of the model whose outputs are the answer.

    `graph` is empty where KServe's InferenceGraph cannot carry what a stage needs.
    """

    name: str
    inputs: list[TensorContext]
    outputs: list[TensorContext]
    labels: list[str]
    row: bool
    stages: list[StageContext]
    graph: list[GraphStepContext]


class Context(TypedDict):
    """Everything that a template may name.

    `pipeline` is None where each model stands alone; `page_services` are those with the page of a model, or of the whole.
    """

    project_name: str
    project_title: str
    port: int
    latency_budget_ms: int
    axes: str
    mlscaffold_version: str
    example: bool
    pattern: PatternContext
    models: list[ModelContext]
    services: list[ServiceContext]
    model_services: list[ServiceContext]
    page_services: list[ServiceContext]
    pipeline: PipelineContext | None
