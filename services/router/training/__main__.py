"""`make router-model`: weights from the labelled sets in NI_DATA and from our own prompts, the same each time."""

import argparse
import sys
import time
from pathlib import Path

from services.router.classifier.classify import WEIGHTS
from services.router.classifier.weights import write_weights
from services.router.training import corpora
from services.router.training.recipe import Recipe, examples
from services.router.training.train import Settings, train


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.router.training", description=__doc__)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    if not corpora.data_folder().is_dir():
        sys.stderr.write(
            f"no labelled sets in {corpora.data_folder()}: set NI_DATA; docs/router-model.md names their origins\n"
        )
        return 78
    started = time.monotonic()
    recipe = Recipe(seed=given.seed)
    weights = train(examples(recipe), recipe, Settings(steps=given.steps))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_weights(given.out, weights)
    size, took = given.out.stat().st_size / 1e6, time.monotonic() - started
    sys.stderr.write(f"{given.out}: version {weights.version}, {size:.2f} MB, {took:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
