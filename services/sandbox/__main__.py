"""Starts the sandbox."""

from libs.runtime.run import run
from services.sandbox.app import build
from services.sandbox.settings import SandboxSettings

if __name__ == "__main__":
    run("sandbox", build, SandboxSettings)
