"""Start the preprocess service: `python -m services.preprocess`."""

from services.preprocess.app import create
from serving.run import run

if __name__ == "__main__":
    run(create())
