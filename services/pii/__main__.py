"""`python -m services.pii`: personal data stays home."""

from libs.runtime.run import run
from services.pii.app import build
from services.pii.settings import PiiSettings

if __name__ == "__main__":
    run("pii", build, PiiSettings)
