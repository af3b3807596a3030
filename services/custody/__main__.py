"""Custody's entry: `python -m services.custody`."""

from libs.runtime.run import run
from services.custody.app import build
from services.custody.settings import Settings

if __name__ == "__main__":
    run("custody", build, Settings)
