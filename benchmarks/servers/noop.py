"""FastAPI doing nothing: the least that a server made with it can cost."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Row(BaseModel):
    """The body of the digits service's typed route."""

    image: list[float]


class Answer(BaseModel):
    """Its answer."""

    label: str
    probabilities: dict[str, float]
    model_version: str


ANSWER = Answer(label="7", probabilities={str(digit): 0.1 for digit in range(10)}, model_version="1")


@app.post("/nothing")
async def nothing() -> dict[str, bool]:
    """Read nothing, answer a constant."""
    return {"ok": True}


@app.post("/predict")
async def predict(row: Row) -> Answer:  # noqa: ARG001 - read and checked is what it is for
    """Read and check the same body as the digits service, answer a constant of the same shape; no model."""
    return ANSWER
