"""Regenerates libs/contracts/northern/v1 from proto/ (`make proto`); `--check` fails when a byte would change."""

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "libs" / "contracts"


def generate(out: Path) -> None:
    """Write `northern/v1/*_pb2.py[i]` below `out`; imports are moved to where the package lies here."""
    from grpc_tools import protoc  # noqa: PLC0415 - a development tool, absent where services run

    protos = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto").rglob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    args = [
        "protoc",
        f"-I{ROOT / 'proto'}",
        f"-I{well_known}",
        f"--python_out={out}",
        f"--pyi_out={out}",
        *protos,
    ]
    if protoc.main(args) != 0:
        raise SystemExit("protoc refused proto/: see above")
    for path in (out / "northern").rglob("*_pb2.py*"):
        text = path.read_text()
        path.write_text(text.replace("from northern.v1 import", "from libs.contracts.northern.v1 import"))


def main() -> None:
    """Regenerate in place, or compare."""
    if "--check" not in sys.argv:
        generate(OUT)
        return
    with tempfile.TemporaryDirectory() as tmp:
        generate(Path(tmp))
        fresh = {p.relative_to(tmp): p.read_bytes() for p in Path(tmp).rglob("*_pb2.py*")}
    held = {p.relative_to(OUT): p.read_bytes() for p in (OUT / "northern").rglob("*_pb2.py*")}
    if fresh != held:
        raise SystemExit("libs/contracts is not what proto/ says: run `make proto` and commit the result")


if __name__ == "__main__":
    main()
