"""A route of the shipped catalogue for tests that need one and do not care which."""

from pathlib import Path

from libs.catalog.load import load

CATALOG = load(Path("infra/config"))
ROUTE = CATALOG.routes["openai/gpt-4.1-mini-us"]
