"""Two ONNX models of a known weight, made on the spot: a convolutional net of some milliseconds and a wide perceptron."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALL = (784, 2048, 2048, 10)  # 23 MB of weights, half a millisecond: the contract would run it on the loop, were it alone
MIDDLE = (784, 3072, 3072, 10)  # 47 MB, above a millisecond: what batches are for
WIDE = (784, 4096, 4096, 10)  # 80 MB: every run reads them from memory
CHANNELS = (3, 32, 64, 64)
DEEP_CHANNELS = (*CHANNELS, *[64] * 8)  # some tens of milliseconds


def perceptron(path: Path, widths: tuple[int, ...]) -> Path:
    """Rows of 784 numbers through two wide layers to 10 scores: its time is that of reading the weights, so batches pay."""
    generator, nodes, weights, tensor = np.random.default_rng(0), [], [], "x"
    for layer, (inner, outer) in enumerate(pairwise(widths)):
        values = generator.normal(0, inner**-0.5, (inner, outer)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [tensor, f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Tanh", [f"m{layer}"], [f"t{layer}"]))
        tensor = f"t{layer}"
    return _save(path, nodes, weights, ["rows", widths[0]], tensor, ["rows", widths[-1]])


def conv_net(path: Path, channels: tuple[int, ...] = CHANNELS) -> Path:
    """One image of 12,288 numbers (3x64x64) through convolutions to 64 means: no batch axis to share."""
    generator, nodes, weights, tensor = np.random.default_rng(0), [], [], "x"
    for layer, (inner, outer) in enumerate(pairwise(channels)):
        values = generator.normal(0, (9 * inner) ** -0.5, (outer, inner, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [tensor, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        tensor = f"r{layer}"
    nodes.append(helper.make_node("GlobalAveragePool", [tensor], ["means"]))
    return _save(path, nodes, weights, [1, channels[0], 64, 64], "means", [1, channels[-1], 1, 1])


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    takes: list[str | int],
    gives_name: str,
    gives: list[str | int],
) -> Path:
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info(gives_name, TensorProto.FLOAT, gives)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
