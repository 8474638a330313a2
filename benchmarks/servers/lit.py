"""The digits model behind LitServe, as its documentation shows it. Arguments: the ONNX file, the port."""

import sys

import litserve as ls
import numpy as np
import onnxruntime as ort


class Digits(ls.LitAPI):
    """One row in, the label and the probabilities out."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - the interface has it
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(sys.argv[1], options)

    def decode_request(self, request: dict) -> np.ndarray:
        return np.asarray(request["image"], dtype=np.float32)[np.newaxis]

    def predict(self, image: np.ndarray) -> list:
        return self.session.run(None, {"image": image})

    def encode_response(self, output: list) -> dict:
        return {"label": str(output[0][0]), "probabilities": output[1][0].tolist()}


if __name__ == "__main__":
    ls.LitServer(Digits(), accelerator="cpu").run(port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
