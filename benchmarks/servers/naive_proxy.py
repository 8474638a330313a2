"""A proxy as FastAPI's and httpx's documentation would have it: typed, with one client for all. `STAGE` is where it asks."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from noop import Row
from pydantic import BaseModel


class Answer(BaseModel):
    """What the stage answers."""

    label: int
    probabilities: list[float]
    model_version: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for the life of the application."""
    async with httpx.AsyncClient(base_url=os.environ["STAGE"]) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(row: Row, request: Request) -> Answer:
    """Ask the stage, answer what it says."""
    answer = await request.app.state.client.post("/predict", json=row.model_dump())
    answer.raise_for_status()
    return Answer.model_validate(answer.json())
