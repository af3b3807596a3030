"""One target under libFuzzer, which ends it: `python -m tests.fuzz.guided <target> <libFuzzer's arguments>`."""

import importlib
import sys
from typing import Any

import atheris

from tests.fuzz import mutation

# What is fuzzed tells the fuzzer where it has been; the checks and the corpus do not.
INSTRUMENTED = [
    "libs.dialects",
    "services.worker.providers.bedrock",
    "services.worker.providers.translated",
    "services.ingress",
]


def main(name: str, arguments: list[str]) -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        targets: Any = importlib.import_module("tests.fuzz.targets")

    def change(data: bytes, most: int, seed: int) -> bytes:
        return mutation.changed(data, most, seed, atheris.Mutate)

    atheris.Setup([f"fuzz {name}", *arguments], targets.TARGETS[name].check, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
