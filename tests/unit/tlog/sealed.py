"""A log of custody records as it lies in a folder, receipts out of it, and all that a caller has to verify one."""

import hmac
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.tlog.merkle import inclusion
from libs.tlog.note import Algorithm
from libs.tlog.proof import Proof
from libs.tlog.receipt import commitment, extra
from libs.tlog.signing import SigningKey
from libs.tlog.testimony import DOMAIN
from libs.tlog.tiles import HEIGHT, WIDTH, Tile, bundle, tiles_of
from services.ingress.inference.promises import HEADER, Promises
from tests.unit.tlog.logs import Key, Log

SIZE = 300  # a full bundle, and a partial one
SEEN = 200  # the size of an earlier checkpoint
REQUEST = b'{"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Bonjour"}]}'
RESPONSE = 'data: {"choices":[{"delta":{"content":"Ça va"}}]}\n\ndata: [DONE]\n\n'.encode()
MINE, OTHERS, LATE = 5, 6, 290  # places of records
WORKER = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
PROMISES = b"p" * 32  # a seed
WORKER_KEY = WORKER.public_key().public_bytes_raw().hex()


@dataclass
class SealedLog:
    """Records of two tenants, a leaf each."""

    log: Log = field(default_factory=Log)
    witnesses: list[Key] = field(
        default_factory=lambda: [Key(f"witness.example/w{n}", Algorithm.COSIGNATURE) for n in (1, 2)]
    )
    sealed: list[tuple[bytes, bytes]] = field(default_factory=list)  # salt, record

    @classmethod
    def of(cls, size: int = SIZE) -> "SealedLog":
        made, chance = cls(), random.Random(6)
        for index in range(size):
            made.seal(chance.randbytes(32), record(index))
        return made

    def seal(self, salt: bytes, stated: dict[str, Any]) -> None:
        stated["hashes"] = {
            "algorithm": "HMAC-SHA-256",
            "request_received": hmac.digest(salt, REQUEST, "sha256").hex(),
            "response_delivered": hmac.digest(salt, RESPONSE, "sha256").hex(),
        }
        text = orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)
        self.sealed.append((salt, text))
        self.log.append(commitment(salt, text))

    def receipt(self, index: int, *, witnesses: bool = True, size: int | None = None, **changed: bytes) -> bytes:
        """`changed`: another salt, another record."""
        size = len(self.log.entries) if size is None else size
        salt, text = self.sealed[index]
        proof = Proof(
            index=index,
            path=inclusion(index, size, self.log.subtree),
            checkpoint=self.log.note(size, *(self.witnesses if witnesses else [])),
            extra=extra(changed.get("salt", salt), changed.get("record", text)),
        )
        return proof.text.encode()

    @property
    def key(self) -> str:
        return str(self.log.key.public)

    @property
    def policy(self) -> str:
        witnesses = "".join(f"witness w{n} {each.public}\n" for n, each in enumerate(self.witnesses))
        return f"# two of two\nlog {self.key}\n{witnesses}group both all w0 w1\nquorum both\n"

    def anew(self, salt: bytes, text: bytes) -> bytes:
        """The receipt of another record, truly on a log by the same key."""
        other = SealedLog(log=Log(key=self.log.key), witnesses=self.witnesses, sealed=[(salt, text)])
        other.log.append(commitment(salt, text))
        return other.receipt(0)

    def promised(self, request_id: str, request_hash: bytes = b"") -> tuple[str, str]:
        """The header of a promise of my record, unless another is said, and the key."""
        promises = Promises(SigningKey(PROMISES))
        stated = orjson.loads(self.sealed[MINE][1])["hashes"]["request_received"]
        header = promises.headers(request_id, request_hash or bytes.fromhex(stated))[HEADER]
        return header, str(promises.key)

    def write(self, root: Path) -> None:
        """The folder of the log, and beside it the caller's files."""
        size = len(self.log.entries)
        for tile in tiles_of(size):
            path = root / "log" / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._content(tile))
        (root / "log" / "checkpoint").write_text(self.log.note(size, *self.witnesses))
        (root / "seen").write_text(self.log.note(min(SEEN, size), *self.witnesses))
        (root / "policy").write_text(self.policy)
        (root / "receipt").write_bytes(self.receipt(MINE))
        (root / "request").write_bytes(REQUEST)
        (root / "response").write_bytes(RESPONSE)

    def _content(self, tile: Tile) -> bytes:
        begin, end = tile.index * WIDTH, tile.index * WIDTH + tile.width
        if tile.level < 0:
            return bundle(self.log.entries[begin:end])
        return b"".join(self.log.subtree(tile.level * HEIGHT, index) for index in range(begin, end))


def record(index: int) -> dict[str, Any]:
    """Every second one is of another tenant."""
    return {
        "v": 1,
        "request_id": f"{index:016x}",
        "tenant": f"t_{index % 2}",
        "outcome": "completed",
        "route": "azure_ai/gpt-4.1-mini-ca",
        "custody_path": "NI-CA -> Azure-CA",
        "processing_jurisdiction": "CA",
        "model_requested": "modèle \U0001f980  \t",
        "delivery": {"state": "complete", "bytes": len(RESPONSE)},
        "attempts": [{"n": 0, "ok": True, "error": None}],
        "hops": [{"role": "ingress", "did": "received"}, hop(f"{index:016x}")],
    }


def hop(request_id: str) -> dict[str, Any]:
    """A worker's, with its statement."""
    said = {"request_id": request_id, "node": "w1", "endpoint": {"host": "é.example"}, "attempt": 0, "place": None}
    signature = WORKER.sign(DOMAIN + orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
    return {"role": "worker", "statement": said, "public_key": WORKER_KEY, "signature": signature.hex()}
