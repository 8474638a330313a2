"""One server for everything that the helpdesk's models do."""

from fastapi import FastAPI, UploadFile
from pydantic import BaseModel

from helpdesk import models
from helpdesk.retrain import retrain

app = FastAPI(title="Helpdesk")


class Ticket(BaseModel):
    text: str


@app.post("/calls")
async def transcribe(recording: UploadFile):
    audio = await recording.read()
    return models.transcribe(audio)


@app.post("/tickets/names")
def names(ticket: Ticket):
    return [(entity.text, entity.label_) for entity in models.ner(ticket.text).ents]


@app.post("/tickets/mood")
def mood(ticket: Ticket):
    return models.mood(ticket.text)


@app.post("/tickets/answer")
async def answer(ticket: Ticket):
    prompt = f"Answer this ticket in a friendly tone:\n{ticket.text}"
    return models.writer(prompt, max_new_tokens=400)


@app.post("/admin/retrain")
def train():
    return {"accuracy": retrain()}
