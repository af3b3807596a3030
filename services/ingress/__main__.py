"""`python -m services.ingress`: the public edge."""

from libs.runtime.run import run
from services.ingress.app import build
from services.ingress.settings import IngressSettings

if __name__ == "__main__":
    run("ingress", build, IngressSettings)
