"""Start the proxy: `python -m services.proxy`."""

from services.proxy.app import create
from serving.run import run

if __name__ == "__main__":
    run(create())
