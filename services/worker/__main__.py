"""`python -m services.worker`: the call to the provider."""

from libs.runtime.run import run
from services.worker.app import build
from services.worker.settings import WorkerSettings

if __name__ == "__main__":
    run("worker", build, WorkerSettings)
