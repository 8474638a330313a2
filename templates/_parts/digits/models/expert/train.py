"""Train the expert, a support vector machine: bigger, slower and more often right. `python -m models.expert.train`."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

from models.training import publish

if __name__ == "__main__":
    publish("expert", CalibratedClassifierCV(SVC(C=10, gamma=0.001), ensemble=False))
