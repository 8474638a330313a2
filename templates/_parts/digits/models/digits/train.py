"""Train the digits model: `python -m models.digits.train`."""

from sklearn.linear_model import LogisticRegression

from models.training import publish

if __name__ == "__main__":
    publish("digits", LogisticRegression(C=0.01, max_iter=5000))
