"""`make pii-model`: gazetteer and weights from the labelled sets in NI_DATA, the same each time."""

import argparse
import sys
import time
from pathlib import Path

from services.pii.names.gazetteer import write_gazetteer
from services.pii.names.tagger import DATA
from services.pii.names.weights import read_weights, write_weights
from services.pii.training import corpora
from services.pii.training.fit import Settings, fit, mean
from services.pii.training.gazetteers import collect, gazetteer
from services.pii.training.recipe import Recipe, sequences, views, words


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.pii.training", description=__doc__)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--seeds", type=int, default=3, help="models to take the mean of")
    parser.add_argument("--iterations", type=int, default=Settings.iterations)
    parser.add_argument("--work", type=Path, default=Path(".state/pii-model"), help="where each seed's model is kept")
    parser.add_argument("--resume", action="store_true", help="take the seeds found in --work as they are")
    parser.add_argument("--held-out", nargs="*", default=[], help="sets to leave out of training")
    parser.add_argument("--out", type=Path, default=DATA)
    given = parser.parse_args()
    if not corpora.data_folder().is_dir():
        sys.stderr.write(
            f"no labelled sets in {corpora.data_folder()}: set NI_DATA; docs/pii-model.md names their origins\n"
        )
        return 78
    started = time.monotonic()
    names = collect()
    known = gazetteer(names, words(names))
    given.out.mkdir(parents=True, exist_ok=True)
    write_gazetteer(given.out / "gazetteer.bin", known)
    # Read from disk again, so that a run that was broken off and resumed gives the same.
    models = []
    for seed in range(given.seed, given.seed + given.seeds):
        path = given.work / str(seed) / "weights.npz"
        if not (given.resume and path.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            recipe = Recipe(seed=seed, held_out=tuple(given.held_out))
            rows = sequences(names, recipe)
            write_weights(path, fit(rows, views(known, recipe), Settings(iterations=given.iterations)))
        write_gazetteer(path.parent / "gazetteer.bin", known)
        models.append(read_weights(path))
        sys.stderr.write(f"seed {seed}: {len(models[-1].features)} features, {time.monotonic() - started:.0f} s\n")
    write_weights(given.out / "weights.npz", mean(models))
    return 0


if __name__ == "__main__":
    sys.exit(main())
