"""`ni witness`: cosigns the checkpoints of logs it is told of, each only if it continues the last one it saw."""

import argparse
import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.witness.answers import Door, Witness
from cli.witness.memory import Memory
from libs.tlog.note import Algorithm, VerifierKey
from libs.tlog.refusals import Refused

NAME = "witness"
HELP = """\
Be a witness of transparency logs (c2sp.org/tlog-witness): whoever trusts your key knows that a log shows them the same
history as it shows you. Run it where the log's operator has no hand. Its key is made at first start; lose the folder,
and be a new witness. TLS is for a proxy in front.
Exit code 0: ended by a signal; 2: cannot be started, and why.

examples:
  ni witness key --dir /var/lib/witness --name witness.example/w1      what others put in their policies
  ni witness run --dir /var/lib/witness --name witness.example/w1 --log "$(cat log.vkey)" --port 8701
"""
_CANNOT: Final = 2
_KEY: Final = "key"
_SEED_BYTES: Final = 32


def configure(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    key = parts.add_parser("key", help="show the witness's public key; make it if there is none")
    run = parts.add_parser("run", help="answer logs")
    for part in (key, run):
        part.add_argument("--dir", type=Path, required=True, help="folder of the key and of what was seen")
        part.add_argument("--name", required=True, help="the witness's name: an address without a scheme, say")
    run.add_argument("--log", action="append", required=True, metavar="VKEY", help="a log's key; again for another log")
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    run.add_argument("--port", type=int, default=8701, help="port to listen on, 0: any (%(default)s)")
    run.add_argument("--deadline", type=float, default=5.0, metavar="S", help="seconds for one answer (%(default)s)")


def run(args: argparse.Namespace) -> int:
    """Show the key, or answer until a signal."""
    try:
        if not args.name or any(character.isspace() or character == "+" for character in args.name):
            return _refuse("--name: a witness's name has neither spaces nor plus signs, as witness.example/w1")
        private = _private(args.dir)
        public = VerifierKey(
            name=args.name,
            public_key=private.public_key().public_bytes_raw(),
            algorithm=Algorithm.COSIGNATURE,
        )
        if args.what == "key":
            print(public)
            return 0
        logs = [VerifierKey.read(text) for text in args.log]
        if any(key.algorithm is not Algorithm.ED25519 for key in logs):
            return _refuse("--log: the key is a witness's, not a log's")
        with Memory.opened(args.dir) as memory:
            witness = Witness(public=public, sign=private.sign, logs=logs, memory=memory)
            return asyncio.run(_served(witness, args))
    except Refused as refused:
        return _refuse(f"{refused.reason}: {refused.message}")
    except (OSError, OverflowError, ValueError) as error:  # a port that is none is an overflow
        return _refuse(str(error))


async def _served(witness: Witness, args: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    runner = web.AppRunner(Door(witness=witness, deadline_s=args.deadline).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, args.host, args.port)
        await site.start()
        port = runner.addresses[0][1]
        print(f"witness {witness.public}\nlistening on http://{args.host}:{port}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()
    return 0


def _private(folder: Path) -> Ed25519PrivateKey:
    """The key in the folder, made once: whole or not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _KEY
    if not path.exists():
        fresh = folder / f".{_KEY}.{secrets.token_hex(4)}"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            os.write(fd, secrets.token_bytes(_SEED_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(fresh, path)  # of two that start at once, one key stays
        except FileExistsError:
            pass
        fresh.unlink()
    seed = path.read_bytes()
    if len(seed) != _SEED_BYTES:
        raise ValueError(f"{path}: a key is {_SEED_BYTES} raw bytes")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _refuse(sentence: str) -> int:
    print(f"ni witness: {sentence}", file=sys.stderr)
    return _CANNOT
