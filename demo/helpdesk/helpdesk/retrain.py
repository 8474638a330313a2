"""Learns again from the tickets of the last week."""

import joblib
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def retrain() -> float:
    tickets = pd.read_csv("data/tickets.csv")
    classifier = make_pipeline(TfidfVectorizer(), LogisticRegression())
    classifier.fit(tickets["text"], tickets["queue"])
    joblib.dump(classifier, "models/queue.joblib")
    return float(classifier.score(tickets["text"], tickets["queue"]))
