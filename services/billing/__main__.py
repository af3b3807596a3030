"""Billing's entry: `python -m services.billing`."""

from libs.runtime.run import run
from services.billing.app import build
from services.billing.settings import Settings

if __name__ == "__main__":
    run("billing", build, Settings)
