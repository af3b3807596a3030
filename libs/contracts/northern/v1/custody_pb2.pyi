from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Leaf(_message.Message):
    __slots__ = ("request_id", "tenant", "commitment")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    commitment: bytes
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class SealedBatch(_message.Message):
    __slots__ = ("epoch", "at_ms", "first_index", "leaves", "records_seq", "events_read", "open_from")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    RECORDS_SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENTS_READ_FIELD_NUMBER: _ClassVar[int]
    OPEN_FROM_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    at_ms: int
    first_index: int
    leaves: _containers.RepeatedCompositeFieldContainer[Leaf]
    records_seq: int
    events_read: int
    open_from: int
    def __init__(self, epoch: _Optional[int] = ..., at_ms: _Optional[int] = ..., first_index: _Optional[int] = ..., leaves: _Optional[_Iterable[_Union[Leaf, _Mapping]]] = ..., records_seq: _Optional[int] = ..., events_read: _Optional[int] = ..., open_from: _Optional[int] = ...) -> None: ...

class SealedRecord(_message.Message):
    __slots__ = ("request_id", "tenant", "salt", "record")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    salt: bytes
    record: bytes
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., salt: _Optional[bytes] = ..., record: _Optional[bytes] = ...) -> None: ...

class RecordBatch(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[SealedRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[SealedRecord, _Mapping]]] = ...) -> None: ...
