"""`make bench-pii`: what the detector finds and leaves on labelled text, and how fast, beside Presidio's patterns."""

import argparse
import os
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from services.pii.recognizers.detector import Detector, load_detector
from tests.load.pii_again import again
from tests.load.pii_scores import SETS, Count, Detect, Row, Span, rows, score

_KILO = 1_000
_SIZES = (200, 1_000, 4_000, 16_000, 64_000)
_PACKAGES = ("json", "asyncio", "email", "http")
_ABOUT = """\
Score the detector on the labelled sets in NI_DATA/pii (overlap of half and more, right type; leak: values that nothing
touched), count its hits on code of the standard library, and measure milliseconds per 1,000 characters, one thread.
Where presidio-analyzer is installed, its pattern recognizers run beside (no model: names and places are not theirs).
"""


def main() -> int:
    """0: measured; 2: no labelled sets here."""
    arguments = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(SETS), help="names of labelled sets, parted by commas")
    arguments.add_argument("--rules", action="store_true", help="the rules alone, without the names' model")
    asked = arguments.parse_args()
    folder = Path(os.environ.get("NI_DATA", "../shared/data")) / "pii"
    names = [name for name in asked.sets.split(",") if name in SETS and (folder / f"{name}.jsonl").exists()]
    if not names:
        _say("no labelled sets: set NI_DATA; docs/pii-model.md names their public origins")
        return 2
    before = time.perf_counter()
    whole = Detector() if asked.rules else load_detector()
    _say(f"loaded in {time.perf_counter() - before:.2f} s\n")
    ours, theirs = _spans(whole), _presidio()
    labelled = {name: rows(folder, name) for name in names}
    _accuracy(labelled, ours, theirs)
    _code(ours)
    _speed(labelled, {"whole": ours, "rules": _spans(Detector())}, theirs)
    _unchanged(whole, [row.text for some in labelled.values() for row in some][:: len(labelled)])
    return 0


def _spans(detector: Detector) -> Detect:
    def detect(text: str) -> list[Span]:
        return [(one.start, one.end, one.type.value) for one in detector.detect(text)]

    return detect


def _accuracy(labelled: dict[str, list[Row]], ours: Detect, theirs: Detect | None) -> None:
    _say(f"{'set':24}{'type':13}{'gold':>6}{'P':>7}{'R':>7}{'F1':>7}{'leak':>8}   Presidio: P      R     F1    leak")
    pooled: dict[str, Count] = {}
    for name, some in labelled.items():
        types = frozenset(SETS[name].split())
        mine = score(some, types, ours)
        other = score(some, types, theirs) if theirs else {}
        for kind in sorted(mine, key=lambda kind: -mine[kind].gold):
            pooled.setdefault(kind, Count()).add(mine[kind])
            _say(f"{name:24}{kind:13}" + _cells(mine[kind]) + _beside(other.get(kind)))
    for kind, count in sorted(pooled.items(), key=lambda item: -item[1].gold):
        _say(f"{'pooled':24}{kind:13}" + _cells(count))


def _cells(count: Count) -> str:
    leak = count.leaked / count.gold if count.gold else 0.0
    return f"{count.gold:6}{count.precision:7.3f}{count.recall:7.3f}{count.f1:7.3f}{leak:8.3f}"


def _beside(count: Count | None) -> str:
    return "" if count is None else "      " + _cells(count)[6:]


def _code(detect: Detect) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    files = [file.read_text(encoding="utf-8") for name in _PACKAGES for file in sorted((library / name).rglob("*.py"))]
    hits = [kind for text in files for _, _, kind in detect(text)]
    size = sum(map(len, files)) / _KILO
    kinds = ", ".join(f"{kind} {hits.count(kind)}" for kind in sorted(set(hits)))
    _say(f"\ncode of {', '.join(_PACKAGES)}: {len(hits) / size:.3f} hits per kB ({size:.0f} kB: {kinds})")


def _speed(labelled: dict[str, list[Row]], ours: dict[str, Detect], theirs: Detect | None) -> None:
    text = "\n".join(row.text for some in labelled.values() for row in some)
    _say("\nms of CPU per 1,000 characters, texts of")
    _say(f"{'':12}" + "".join(f"{size:>10,}" for size in _SIZES))
    for name, detect in ours.items():
        _say(f"{name:12}" + "".join(f"{_rate(detect, _texts(text, size, 400_000)):10.3f}" for size in _SIZES))
    if theirs:
        _say(f"{'Presidio':12}" + "".join(f"{_rate(theirs, _texts(text, size, 64_000)):10.3f}" for size in _SIZES))


def _unchanged(detector: Detector, texts: Sequence[str]) -> None:
    _say("\nus of CPU per 1,000 characters to substitute anew in a conversation of 16 turns that were all seen before:")
    for prose in (0, 1, 4):
        one = again(detector, texts, prose)
        _say(f"{one.cost:8.0f} with {one.entities:.1f} entities in 1,000 characters")


def _texts(text: str, size: int, most: int) -> list[str]:
    """Slices of the sets, spread over all of them."""
    count = max(1, min(len(text), most) // size)
    step = max(size, (len(text) - size) // count)
    return [text[at : at + size] for at in range(0, max(1, len(text) - size), step)][:count]


def _rate(detect: Callable[[str], object], texts: Sequence[str]) -> float:
    """The best of three."""
    return min(_once(detect, texts) for _ in range(3)) * _KILO / (sum(map(len, texts)) / _KILO)


def _once(detect: Callable[[str], object], texts: Iterable[str]) -> float:
    before = time.process_time()
    for text in texts:
        detect(text)
    return time.process_time() - before


def _presidio() -> Detect | None:
    """Presidio's predefined pattern recognizers on a blank language model; None where it is not installed."""
    try:
        import spacy  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - a group of its own
        import tldextract  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError:
        return None
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())  # the list it brings; no download
    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])

    def detect(text: str) -> list[Span]:
        found = sorted(analyzer.analyze(text, language="en"), key=lambda one: (-one.score, one.start - one.end))
        kept: list[Span] = []
        for one in found:
            if all(one.end <= start or one.start >= end for start, end, _ in kept):
                kept.append((one.start, one.end, one.entity_type))
        return sorted(kept)

    return detect


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
