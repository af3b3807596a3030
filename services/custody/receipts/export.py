"""A period as a bundle: every receipt, what was erased, who processed where; each list signed by the log's own key.

A bundle is made of parts, so that nothing has to be kept between two questions: each names its receipts and their
hashes, and after which request it begins. All of them are under one checkpoint, which travels in the cursor.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, RecordUnavailable, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import EPOCH_MS, REQUEST_ID
from libs.contracts.northern.v1.query_pb2 import ExportAsk, ExportFile, ExportTold
from libs.store.base import Store
from libs.tlog.checkpoint import Checkpoint, open_checkpoint
from libs.tlog.note import VerifierKey, encoded, signature_line
from libs.tlog.proof import SUFFIX
from libs.tlog.refusals import Refused
from services.custody.log.log import Head, Log
from services.custody.log.signer import Signer, SigningFailed
from services.custody.receipts.purging import first_id
from services.custody.receipts.showing import receipt
from services.custody.receipts.table import RecordTable, Sealed
from services.custody.times import rfc3339

_PART: Final = "northern-inference custody export part v1"
_MANIFEST: Final = "northern-inference custody export v1"
_ROWS: Final = 100  # of a part
_BYTES: Final = 600 << 10  # of its receipts, about: the broker takes 1 MiB
_LAST: Final = "g"  # above every id
_GROUPS: Final = 1000
_WRITTEN_S: Final = 5.0  # the table is usually some tenths of a second behind the log
_EVERY_S: Final = 0.1
_RETRY_MS: Final = 5_000

_WHICH: Final = """
    tenant = {tenant:String} AND request_id >= {first:String} AND request_id < {last:String} AND leaf < {size:UInt64}
"""
_ERASED: Final = "request_id IN (SELECT request_id FROM custody_erasures WHERE tenant = {tenant:String})"
_PAGE: Final = f"""
    SELECT request_id, leaf, salt, record, if({_ERASED}, 'erased', gone) AS left FROM custody_records FINAL
    WHERE {_WHICH} AND request_id > {{after:String}} ORDER BY request_id LIMIT {{most:UInt32}}
"""  # noqa: S608 - constants
_SUMMED: Final = ("provider", "region", "jurisdiction", "processing", "evidence", "credential", "sandbox")
_SUMMARY: Final = f"""
    SELECT
        if({_ERASED}, 'erased', gone) AS left,
        if(left = '', JSONExtractString(record, 'resolved-provider'), '') AS provider,
        if(left = '', JSONExtractString(record, 'resolved-region'), '') AS region,
        if(left = '', JSONExtractString(record, 'resolved-jurisdiction'), '') AS jurisdiction,
        if(left = '', JSONExtractString(record, 'processing-jurisdiction'), '') AS processing,
        if(left = '', JSONExtractString(record, 'residency-evidence'), '') AS evidence,
        if(left = '', JSONExtractString(record, 'credential-source'), '') AS credential,
        left = '' AND JSONExtractBool(record, 'sandbox') AS sandbox,
        count() AS requests, min(request_id) AS first_request, max(request_id) AS last_request
    FROM custody_records FINAL WHERE {_WHICH}
    GROUP BY ALL ORDER BY requests DESC, first_request LIMIT {_GROUPS}
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where a bundle goes on. `part` 0: the parts are all told, what is left is the manifest."""

    note: str
    part: int = 1
    after: str = ""
    told: int = 0  # parts
    kept: int = 0  # receipts in them
    left: int = 0  # requests in them without one

    @property
    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Raises ValueError, TypeError."""
        found = cls(**orjson.loads(text))
        if found.after and not REQUEST_ID.fullmatch(found.after):
            raise ValueError("no id")
        return found


@dataclass(frozen=True, kw_only=True)
class Exporting:
    """Answers `ni.query.custody.export`. Who may is decided before it comes here."""

    store: Store
    records: RecordTable
    log: Log
    signer: Signer | None
    written_s: float = _WRITTEN_S

    async def export(self, data: bytes) -> bytes:
        """ExportAsk in, ExportTold out."""
        try:
            told = await self._told(ExportAsk.FromString(data))
        except NorthernError as error:
            told = ExportTold(failure=to_query_failure(error))
        except (DecodeError, ValueError, TypeError):
            told = ExportTold(failure=to_query_failure(InvalidRequest("the question cannot be read")))
        except (Refused, OSError, SigningFailed):
            sentence = "the log cannot be read right now; begin the export again in a moment"
            told = ExportTold(failure=to_query_failure(StoreUnavailable(sentence)))
        return told.SerializeToString()

    async def _told(self, ask: ExportAsk) -> ExportTold:
        key, head = self.log.key, self.log.head()
        if key is None or head is None or self.signer is None:
            raise RecordUnavailable("the log has no signed checkpoint yet; ask again in some seconds")
        if not ask.cursor:
            await self._written(head.checkpoint.size)
            cursor = Cursor(note=head.note)
            return ExportTold(files=[ExportFile(name="checkpoint", data=head.note.encode())], next=cursor.text)
        cursor = Cursor.read(ask.cursor)
        checkpoint, _ = open_checkpoint(cursor.note, key)  # ours, or refused: the cursor went through other hands
        if await self.log.covering(checkpoint.size - 1, self.written_s) is None:  # another replica's, and ahead of ours
            raise _unreadable()
        asked = _Period(ask=ask, key=key, checkpoint=checkpoint)
        return await (self._part(asked, cursor) if cursor.part else self._manifest(asked, cursor))

    async def _written(self, size: int) -> None:
        """Return once the first `size` leaves are in the table: others cannot be told. Raises RecordUnavailable."""
        for _ in range(max(1, round(self.written_s / _EVERY_S))):
            if await self.records.leaves() >= size:
                return
            await asyncio.sleep(_EVERY_S)
        raise _unreadable()

    async def _part(self, asked: "_Period", cursor: Cursor) -> ExportTold:
        rows = await self.store.query(_PAGE, {**asked.parameters, "after": cursor.after, "most": _ROWS + 1})
        head = Head(checkpoint=asked.checkpoint, note=cursor.note, at_ms=0)
        files, lines, size = list[ExportFile](), list[str](), 0
        for row in rows[:_ROWS]:
            if size > _BYTES:
                break
            if row["left"]:
                lines.append(f"{row['left']} {row['request_id']} {row['leaf']}\n")
                continue
            text = await asyncio.to_thread(self._receipt, row, head)
            files.append(ExportFile(name=f"receipts/{row['request_id']}{SUFFIX}", data=text))
            lines.append(f"{hashlib.sha256(text).hexdigest()} {files[-1].name}\n")
            size += len(text)
        through = rows[len(lines) - 1]["request_id"] if len(rows) > len(lines) else "end"
        said = [f"part {cursor.part}\n", f"after {cursor.after or '-'}\n", f"through {through}\n", *lines]
        files.append(ExportFile(name=f"parts/{cursor.part:06d}", data=await self._note(asked, _PART, said)))
        kept = len(files) - 1
        following = replace(
            cursor,
            part=0 if through == "end" else cursor.part + 1,
            after="" if through == "end" else through,
            told=cursor.part,
            kept=cursor.kept + kept,
            left=cursor.left + len(lines) - kept,
        )
        return ExportTold(files=files, next=following.text)

    async def _manifest(self, asked: "_Period", cursor: Cursor) -> ExportTold:
        rows = await self.store.query(_SUMMARY, asked.parameters)
        summary = orjson.dumps(_summary(asked, rows), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        said = [
            f"receipts {cursor.kept}\n",
            f"left {cursor.left}\n",
            f"parts {cursor.told}\n",
            f"{hashlib.sha256(summary).hexdigest()} summary.json\n",
        ]
        manifest = await self._note(asked, _MANIFEST, said)
        return ExportTold(
            files=[ExportFile(name="summary.json", data=summary), ExportFile(name="MANIFEST", data=manifest)]
        )

    async def _note(self, asked: "_Period", title: str, said: Sequence[str]) -> bytes:
        """A signed note. Its first line is no name of a log, so that no reader takes it for a checkpoint."""
        assert self.signer is not None
        text = f"{title}\n{asked.heading}{''.join(said)}"
        return f"{text}\n{signature_line(asked.key, await self.signer.sign(text.encode()))}".encode()

    def _receipt(self, row: Mapping[str, Any], head: Head) -> bytes:
        found = Sealed(leaf=row["leaf"], salt=bytes.fromhex(row["salt"]), record=row["record"].encode())
        return receipt(found, head, self.log.inclusion(found.leaf, head.checkpoint.size)).encode()


@dataclass(frozen=True, kw_only=True)
class _Period:
    """What a bundle is of, and the checkpoint that all of it is under."""

    ask: ExportAsk
    key: VerifierKey
    checkpoint: Checkpoint

    @property
    def parameters(self) -> dict[str, Any]:
        ask = self.ask
        return {
            "tenant": ask.tenant,
            "first": first_id(ask.from_ms) if ask.from_ms > EPOCH_MS else "",
            "last": first_id(ask.until_ms) if ask.until_ms else _LAST,
            "size": self.checkpoint.size,
        }

    @property
    def heading(self) -> str:
        head = self.checkpoint
        return (
            f"account {self.ask.tenant}\n"
            f"from {rfc3339(self.ask.from_ms) or '-'}\nto {rfc3339(self.ask.until_ms) or '-'}\n"
            f"log {head.origin}\ntree {head.size} {encoded(head.root)}\n"
        )


def _unreadable() -> RecordUnavailable:
    sentence = "not every record of the log can be read yet; begin the export again in some seconds"
    return RecordUnavailable(sentence, retry_after_ms=_RETRY_MS)


def _summary(asked: _Period, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Who processed how much, where, on what evidence: what a transfer assessment asks first."""
    groups = [row for row in rows if not row["left"]]
    return {
        "account": asked.ask.tenant,
        "from": rfc3339(asked.ask.from_ms),
        "to": rfc3339(asked.ask.until_ms),
        "log": asked.checkpoint.origin,
        "tree_size": asked.checkpoint.size,
        "root": asked.checkpoint.root.hex(),
        "requests": sum(row["requests"] for row in rows),
        "without_record": {row["left"]: row["requests"] for row in rows if row["left"]},
        "recipients": [
            {
                **{name: row[name] or None for name in _SUMMED if name != "sandbox"},
                "sandbox": bool(row["sandbox"]),
                "requests": row["requests"],
                "first_request": row["first_request"],
                "last_request": row["last_request"],
            }
            for row in groups
        ],
    }
