"""One ONNX file in onnxruntime: its signature, and runs of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from serving.errors import Unprocessable
from serving.repository import ModelInvalid
from serving.tensors import DATATYPES, Array, Signature, TensorSpec

PLATFORM = "onnx_onnxv1"
ERRORS_ONLY = 3


class Session:
    """A loaded model. `run` may be called from several threads at once."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        # One thread per run: the cores are filled by requests side by side, and idle threads must not spin.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common base
            raise ModelInvalid(f"{path}: onnxruntime cannot load it: {error}") from error
        self.signature = Signature(
            tuple(_spec(path, tensor) for tensor in self._session.get_inputs()),
            tuple(_spec(path, tensor) for tensor in self._session.get_outputs()),
        )

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str], stop: ort.RunOptions | None = None
    ) -> list[Array]:
        """The outputs in the order asked for; `stop.terminate = True` in another thread ends the run early.

        Raises:
            Unprocessable: the model refuses these values (an index out of range, shapes that do not match).
        """
        try:
            results: list[Array] = self._session.run(outputs, feeds, stop)
        except InvalidArgument as error:
            raise Unprocessable(f"the model refuses the input: {error}") from error
        return results


def _spec(path: Path, tensor: ort.NodeArg) -> TensorSpec:
    if (datatype := DATATYPES.get(tensor.type)) is None:
        raise ModelInvalid(f"{path}: {tensor.name} is a {tensor.type}, which the protocol cannot carry")
    shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    axes = tuple(size if isinstance(size, str) else "" for size in tensor.shape)
    return TensorSpec(tensor.name, datatype, shape, axes)
