"""Every model of the helpdesk, loaded when the server starts."""

import os
import tempfile

import spacy
import whisper
from transformers import pipeline

speech = whisper.load_model(os.getenv("WHISPER_MODEL", "large-v3"))
ner = spacy.load("en_core_web_sm")
mood = pipeline("sentiment-analysis", model="distilbert-base-uncased-finetuned-sst-2-english")
writer = pipeline("text-generation", model="mistralai/Mistral-7B-Instruct-v0.2")


def transcribe(audio: bytes) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(audio)
        return speech.transcribe(file.name)
