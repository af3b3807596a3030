"""Asking witnesses to cosign a checkpoint (https://c2sp.org/tlog-witness), each within one deadline."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from cryptography.exceptions import InvalidSignature

from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog.checkpoint import Checkpoint, number
from libs.tlog.note import Algorithm, VerifierKey, decoded, open_note
from libs.tlog.refusals import Refused
from libs.tlog.witnessing import PATH, SIZE_TYPE, AddCheckpoint

_OK, _CONFLICT = 200, 409
_LARGEST: Final = 64 << 10  # bytes of an answer
_SKEW_S: Final = 600  # a cosignature's time may differ so much from ours
_TRIES: Final = 3

Consistency = Callable[[int, int], Sequence[bytes]]


@dataclass(frozen=True, kw_only=True)
class Witness:
    """A witness's key and the prefix of its address."""

    key: VerifierKey
    url: str

    @classmethod
    def read(cls, text: str) -> Self:
        """`<verifier key> <url>`, as settings have it. Raises ValueError with a sentence."""
        key, _, url = text.strip().partition(" ")
        try:
            found = cls(key=VerifierKey.read(key), url=url.strip().rstrip("/"))
        except Refused as refused:
            raise ValueError(f"NI_WITNESSES: {refused.message}") from None
        if found.key.algorithm is not Algorithm.COSIGNATURE:  # what it made would count here, and for no reader
            raise ValueError("NI_WITNESSES: the key is a log's, not a witness's")
        if urlsplit(found.url).scheme not in {"http", "https"}:
            raise ValueError("NI_WITNESSES: a witness is written <verifier key> <http or https address>")
        return found


@dataclass(kw_only=True)
class Witnesses:
    """Those of one log. What each has seen last is not kept: the witness says it, where ours is another."""

    witnesses: Sequence[Witness]
    deadline_s: float
    metrics: Metrics
    now: Callable[[], float] = time.time  # Unix seconds
    _seen: dict[str, int] = field(default_factory=dict, init=False)

    def all_in(self, note: str) -> bool:
        """Whether each of them has cosigned this note."""
        keys = [witness.key for witness in self.witnesses]
        try:
            return not keys or len(open_note(note, keys).signers) == len(keys)
        except Refused:
            return False

    async def cosigned(self, note: str, head: Checkpoint, consistency: Consistency) -> str:
        """The signature lines of those who cosigned in time, each verified; "" where nobody did."""
        if not self.witnesses:
            return ""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.deadline_s)) as session:
            asked = (self._asked(session, witness, note, head, consistency) for witness in self.witnesses)
            return "".join(await asyncio.gather(*asked))

    async def _asked(
        self, session: aiohttp.ClientSession, witness: Witness, note: str, head: Checkpoint, consistency: Consistency
    ) -> str:
        name = witness.key.name
        try:
            async with asyncio.timeout(self.deadline_s):
                line = await self._cosigned(session, witness, note, head, consistency)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, InvalidSignature) as error:
            self.metrics.count("cosignatures_total", "failed")
            logger().warning("witness_failed", name=name, error_type=type(error).__name__)
            return ""
        self.metrics.count("cosignatures_total", "given" if line else "refused")
        return line

    async def _cosigned(
        self, session: aiohttp.ClientSession, witness: Witness, note: str, head: Checkpoint, consistency: Consistency
    ) -> str:
        for _ in range(_TRIES):
            old = self._seen.get(witness.key.name, 0)
            if old > head.size:
                logger().error("witness_ahead", name=witness.key.name, count=old, expected=head.size)
                return ""
            ask = AddCheckpoint(old=old, path=list(consistency(old, head.size)) if old else (), note=note)
            async with session.post(f"{witness.url}/{PATH}", data=ask.text.encode(), allow_redirects=False) as answer:
                said = await _read(answer)
                if answer.status == _OK:
                    self._seen[witness.key.name] = head.size
                    return self._verified(witness, said, head)
                if answer.status != _CONFLICT or answer.content_type != SIZE_TYPE:
                    logger().warning("witness_refused", name=witness.key.name, status=answer.status)
                    return ""
                self._seen[witness.key.name] = number(said.strip())
        return ""

    def _verified(self, witness: Witness, said: str, head: Checkpoint) -> str:
        """The witness's own line of what it said. Raises ValueError, InvalidSignature."""
        for line in said.splitlines():
            name, _, value = line.removeprefix("— ").partition(" ")
            raw = decoded(value) if name == witness.key.name else b""
            if raw[:4] == witness.key.id:
                at = witness.key.verify(head.text, raw[4:])
                if at and abs(self.now() - at) > _SKEW_S:
                    raise ValueError("a cosignature of another time")
                return f"{line}\n"
        raise ValueError("no cosignature of this witness")


async def _read(answer: aiohttp.ClientResponse) -> str:
    said = bytearray()
    async for part in answer.content.iter_any():
        said += part
        if len(said) > _LARGEST:
            raise ValueError("a witness says too much")
    return said.decode()
