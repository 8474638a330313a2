"""Small real ONNX models of every kind that users bring, made with onnx's own helpers."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None] | None


def value(name: str, kind: int, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[onnx.ValueInfoProto],
    weights: Iterable[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    domain: str = "",
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(weights))
    imports = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def weight(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.random.default_rng(7).random(shape).astype("float32"), name)


def linear(batch: int | str | None = "batch") -> onnx.ModelProto:
    """x [batch, 4] -> y [batch, 3]"""
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", TensorProto.FLOAT, [batch, 4])],
        [value("y", TensorProto.FLOAT, [batch, 3])],
        [weight("w", 4, 3)],
    )


def two_by_two() -> onnx.ModelProto:
    """Two int64 inputs with two dynamic axes, two outputs, one with a name that is no identifier."""
    axes = ["n", "tokens"]
    return model(
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Mul", ["a", "b"], ["product.1"])],
        [value("a", TensorProto.INT64, axes), value("b", TensorProto.INT64, axes)],
        [value("sum", TensorProto.INT64, axes), value("product.1", TensorProto.INT64, axes)],
    )


def unary(op: str, kind: int, shape: Shape, **attributes: object) -> onnx.ModelProto:
    return model([helper.make_node(op, ["a"], ["b"], **attributes)], [value("a", kind, shape)], [value("b", kind, shape)])


def convolution() -> onnx.ModelProto:
    """image [n, 3, height, width] -> scores [n, 5]; too small an image fails."""
    return model(
        [
            helper.make_node("Conv", ["image", "w"], ["maps"], strides=[8, 8]),
            helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["scores"]),
        ],
        [value("image", TensorProto.FLOAT, ["n", 3, "height", "width"])],
        [value("scores", TensorProto.FLOAT, ["n", 5])],
        [weight("w", 5, 3, 32, 32)],
    )


def wide(size: int = 512) -> onnx.ModelProto:
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", TensorProto.FLOAT, ["batch", size])],
        [value("y", TensorProto.FLOAT, ["batch", size])],
        [weight("w", size, size)],
    )


def sequence_output() -> onnx.ModelProto:
    return model(
        [helper.make_node("SequenceConstruct", ["a"], ["s"])],
        [value("a", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["n", 3])],
    )


def unknown_operator() -> onnx.ModelProto:
    return model(
        [helper.make_node("Magic", ["a"], ["b"], domain="acme")],
        [value("a", TensorProto.FLOAT, ["n", 3])],
        [value("b", TensorProto.FLOAT, ["n", 3])],
        domain="acme",
    )


def endless_loop() -> onnx.ModelProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["v"], ["v2"])],
        "body",
        [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("v", TensorProto.FLOAT, [None, 1])],
        [value("c2", TensorProto.BOOL, []), value("v2", TensorProto.FLOAT, [None, 1])],
    )
    return model(
        [helper.make_node("Loop", ["", "go", "x"], ["y"], body=body)],
        [value("x", TensorProto.FLOAT, ["n", 1])],
        [value("y", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array(True), "go")],
    )


def memory_eater() -> onnx.ModelProto:
    """Asks for 160 GB in one operator."""
    return model(
        [
            helper.make_node("Expand", ["x", "shape"], ["wide"]),
            helper.make_node("ReduceSum", ["wide"], ["y"], keepdims=0),
        ],
        [value("x", TensorProto.FLOAT, ["n", 1])],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([200_000, 200_000], dtype="int64"), "shape")],
    )


def long_names() -> onnx.ModelProto:
    """Names as exporters make them: a tensor's whole path in the graph."""
    taken = "StatefulPartitionedCall/model/" + "block/" * 14 + "x:0"
    given = "StatefulPartitionedCall/model/" + "block/" * 6 + "BiasAdd:0"
    return model(
        [helper.make_node("Neg", [taken], [given])],
        [value(taken, TensorProto.FLOAT, ["n", 3])],
        [value(given, TensorProto.FLOAT, ["n", 3])],
    )


SERVABLE: dict[str, Callable[[], onnx.ModelProto]] = {
    "linear": linear,
    "static-batch": lambda: linear(2),
    "two-by-two": two_by_two,
    "half": lambda: unary("Neg", TensorProto.FLOAT16, [None, 3]),
    "boolean": lambda: unary("Not", TensorProto.BOOL, [None, 3]),
    "strings": lambda: unary("Identity", TensorProto.STRING, [None, 1]),
    "scalar": lambda: unary("Neg", TensorProto.FLOAT, []),
    "rows-depend": lambda: unary("Softmax", TensorProto.FLOAT, ["n", 3], axis=0),
    "convolution": convolution,
    "long-names": long_names,
}


def save(made: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.SerializeToString())
    return path


def save_external(folder: Path, location: str = "weights.bin") -> Path:
    """A model whose weights lie in a file beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(wide(), folder / "model.onnx", save_as_external_data=True, location=location, size_threshold=0)
    return folder / "model.onnx"


def move_external(path: Path, location: str) -> Path:
    """The same model, naming another place for its weights."""
    made = onnx.load(path, load_external_data=False)
    made.graph.initializer[0].external_data[0].value = location
    path.write_bytes(made.SerializeToString())
    return path
