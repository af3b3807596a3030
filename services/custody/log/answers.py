"""What custody answers about the log over the bus: the checkpoint, tiles, and the keys that sign."""

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, NotFound, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import LogAsk, LogTold
from libs.tlog.refusals import Refused
from services.custody.log.log import Log
from services.custody.log.witnesses import Witness


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Answers `ni.query.custody.checkpoint`, `tile` and `key`: LogAsk in, LogTold out."""

    log: Log
    witnesses: Sequence[Witness]

    async def checkpoint(self, data: bytes) -> bytes:  # noqa: ARG002 - nothing is asked
        head = self.log.head()
        return _failed(NotFound("the log has no signed checkpoint yet")) if head is None else _told(head.note.encode())

    async def tile(self, data: bytes) -> bytes:
        try:
            return _told(self.log.tile(LogAsk.FromString(data).path))
        except DecodeError:
            return _failed(InvalidRequest("the question cannot be read"))
        except NorthernError as error:
            return _failed(error)
        except (Refused, OSError):
            return _failed(StoreUnavailable("the log's tiles cannot be read right now; try again in a moment"))

    async def key(self, data: bytes) -> bytes:  # noqa: ARG002 - nothing is asked
        if self.log.key is None:
            return _failed(NotFound("the log has no key here"))
        lines = [str(self.log.key), *(f"{witness.key} {witness.url}" for witness in self.witnesses)]
        return _told("".join(f"{line}\n" for line in lines).encode())


def _told(data: bytes) -> bytes:
    return LogTold(data=data).SerializeToString()


def _failed(error: NorthernError) -> bytes:
    return LogTold(failure=to_query_failure(error)).SerializeToString()
