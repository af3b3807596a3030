"""`python -m services.router`: names become candidates."""

from libs.runtime.run import run
from libs.runtime.settings import Settings
from services.router.app import build

if __name__ == "__main__":
    run("router", build, Settings)
