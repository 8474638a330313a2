"""KServe's own client asks the stamped server: health, metadata, JSON and binary tensors, errors."""

import asyncio
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from tests.templates.conftest import Stamp
from tests.templates.processes import running

IMAGES = np.random.default_rng(0).integers(0, 17, (5, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def address(stamped: Stamp) -> Iterator[str]:
    with running(stamped("web-single"), "digits") as where:
        yield where


def client() -> InferenceRESTClient:
    return InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=10))


def asked(address: str, *, binary: bool, name: str = "image") -> InferResponse:
    tensor = InferInput(name=name, shape=list(IMAGES.shape), datatype="FP32")
    tensor.set_data_from_numpy(IMAGES, binary_data=binary)
    wanted = [RequestedOutput(output, parameters={"binary_data": binary}) for output in ("label", "probabilities")]
    request = InferRequest(model_name="digits", infer_inputs=[tensor], request_outputs=wanted)
    answer = asyncio.run(client().infer(address, request, model_name="digits"))
    assert isinstance(answer, InferResponse)
    return answer


def outputs(answer: InferResponse) -> dict[str, np.ndarray]:
    return {output.name: output.as_numpy() for output in answer.outputs}


def test_health(address: str) -> None:
    async def ask() -> list[bool]:
        one = client()
        return [
            await one.is_server_live(address),
            await one.is_server_ready(address),
            await one.is_model_ready(address, "digits"),
        ]

    assert asyncio.run(ask()) == [True, True, True]


def test_binary_and_json_tensors_give_the_same(address: str) -> None:
    binary, plain = outputs(asked(address, binary=True)), outputs(asked(address, binary=False))
    assert binary["label"].shape == (5,)
    np.testing.assert_allclose(binary["probabilities"], plain["probabilities"], rtol=1e-6)
    np.testing.assert_array_equal(binary["label"], plain["label"])
    np.testing.assert_array_equal(binary["label"], binary["probabilities"].argmax(axis=1))


def test_an_error_is_told(address: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        asked(address, binary=True, name="picture")
    assert caught.value.response.status_code == 400
    assert "unknown input 'picture'" in caught.value.response.json()["error"]
