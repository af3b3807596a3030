from libs.contracts.northern.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryFailure(_message.Message):
    __slots__ = ("code", "message", "retry_after_ms", "param")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retry_after_ms: int
    param: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retry_after_ms: _Optional[int] = ..., param: _Optional[str] = ...) -> None: ...

class CustodyGet(_message.Message):
    __slots__ = ("tenant", "request_id", "wait_ms")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    request_id: str
    wait_ms: int
    def __init__(self, tenant: _Optional[str] = ..., request_id: _Optional[str] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class CustodyGot(_message.Message):
    __slots__ = ("failure", "record")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    record: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., record: _Optional[bytes] = ...) -> None: ...

class UsageFilter(_message.Message):
    __slots__ = ("request_id", "key_id", "model", "route", "status", "from_ms", "until_ms")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    key_id: str
    model: str
    route: str
    status: str
    from_ms: int
    until_ms: int
    def __init__(self, request_id: _Optional[str] = ..., key_id: _Optional[str] = ..., model: _Optional[str] = ..., route: _Optional[str] = ..., status: _Optional[str] = ..., from_ms: _Optional[int] = ..., until_ms: _Optional[int] = ...) -> None: ...

class UsageAsk(_message.Message):
    __slots__ = ("tenant", "filter", "cursor", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    filter: UsageFilter
    cursor: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., filter: _Optional[_Union[UsageFilter, _Mapping]] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TotalsAsk(_message.Message):
    __slots__ = ("tenant", "filter", "by", "time_zone", "cursor", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    filter: UsageFilter
    by: str
    time_zone: str
    cursor: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., filter: _Optional[_Union[UsageFilter, _Mapping]] = ..., by: _Optional[str] = ..., time_zone: _Optional[str] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TransactionsAsk(_message.Message):
    __slots__ = ("tenant", "type", "request_id", "cursor", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    type: str
    request_id: str
    cursor: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., type: _Optional[str] = ..., request_id: _Optional[str] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListTold(_message.Message):
    __slots__ = ("failure", "entries", "next")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    next: str
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., entries: _Optional[_Iterable[bytes]] = ..., next: _Optional[str] = ...) -> None: ...

class SheetTold(_message.Message):
    __slots__ = ("failure", "csv", "next")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CSV_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    csv: bytes
    next: str
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., csv: _Optional[bytes] = ..., next: _Optional[str] = ...) -> None: ...

class ReconcileAsk(_message.Message):
    __slots__ = ("wait_ms",)
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    wait_ms: int
    def __init__(self, wait_ms: _Optional[int] = ...) -> None: ...

class ReconcileTold(_message.Message):
    __slots__ = ("failure", "report")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    report: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., report: _Optional[bytes] = ...) -> None: ...

class CreditsAsk(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class CreditsTold(_message.Message):
    __slots__ = ("failure", "balance_nano", "held_nano", "currency", "seq")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NANO_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    balance_nano: int
    held_nano: int
    currency: str
    seq: int
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., balance_nano: _Optional[int] = ..., held_nano: _Optional[int] = ..., currency: _Optional[str] = ..., seq: _Optional[int] = ...) -> None: ...

class PreviewAsk(_message.Message):
    __slots__ = ("tenant", "key_id", "anthropic", "body")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ANTHROPIC_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    key_id: str
    anthropic: bool
    body: bytes
    def __init__(self, tenant: _Optional[str] = ..., key_id: _Optional[str] = ..., anthropic: _Optional[bool] = ..., body: _Optional[bytes] = ...) -> None: ...

class PiiTold(_message.Message):
    __slots__ = ("failure", "json")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    json: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., json: _Optional[bytes] = ...) -> None: ...

class PiiPolicyAsk(_message.Message):
    __slots__ = ("tenant", "body", "actor", "standing")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    body: bytes
    actor: str
    standing: str
    def __init__(self, tenant: _Optional[str] = ..., body: _Optional[bytes] = ..., actor: _Optional[str] = ..., standing: _Optional[str] = ...) -> None: ...

class PiiAuditAsk(_message.Message):
    __slots__ = ("tenant", "request_id", "type", "from_ms", "until_ms", "cursor", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    request_id: str
    type: str
    from_ms: int
    until_ms: int
    cursor: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., request_id: _Optional[str] = ..., type: _Optional[str] = ..., from_ms: _Optional[int] = ..., until_ms: _Optional[int] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class AdminLogAsk(_message.Message):
    __slots__ = ("tenant", "verb", "actor", "target", "from_ms", "until_ms", "cursor", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    verb: str
    actor: str
    target: str
    from_ms: int
    until_ms: int
    cursor: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., verb: _Optional[str] = ..., actor: _Optional[str] = ..., target: _Optional[str] = ..., from_ms: _Optional[int] = ..., until_ms: _Optional[int] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class DeadLettersAsk(_message.Message):
    __slots__ = ("cursor", "limit")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    def __init__(self, cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class LogAsk(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class LogTold(_message.Message):
    __slots__ = ("failure", "data")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    data: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class CustodyAct(_message.Message):
    __slots__ = ("tenant", "request_id", "actor", "standing", "actor_tenant", "days", "reason")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    ACTOR_TENANT_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    request_id: str
    actor: str
    standing: str
    actor_tenant: str
    days: int
    reason: str
    def __init__(self, tenant: _Optional[str] = ..., request_id: _Optional[str] = ..., actor: _Optional[str] = ..., standing: _Optional[str] = ..., actor_tenant: _Optional[str] = ..., days: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class CustodyTold(_message.Message):
    __slots__ = ("failure", "json")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    json: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., json: _Optional[bytes] = ...) -> None: ...

class ExportAsk(_message.Message):
    __slots__ = ("tenant", "from_ms", "until_ms", "cursor")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    FROM_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    from_ms: int
    until_ms: int
    cursor: str
    def __init__(self, tenant: _Optional[str] = ..., from_ms: _Optional[int] = ..., until_ms: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ExportFile(_message.Message):
    __slots__ = ("name", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    data: bytes
    def __init__(self, name: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class ExportTold(_message.Message):
    __slots__ = ("failure", "files", "next")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    files: _containers.RepeatedCompositeFieldContainer[ExportFile]
    next: str
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., files: _Optional[_Iterable[_Union[ExportFile, _Mapping]]] = ..., next: _Optional[str] = ...) -> None: ...

class RouteAsk(_message.Message):
    __slots__ = ("envelope",)
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    envelope: _envelope_pb2.Envelope
    def __init__(self, envelope: _Optional[_Union[_envelope_pb2.Envelope, _Mapping]] = ...) -> None: ...

class RouteTold(_message.Message):
    __slots__ = ("failure", "json")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    json: bytes
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., json: _Optional[bytes] = ...) -> None: ...

class AnsweredAsk(_message.Message):
    __slots__ = ("tenant", "request_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    request_id: str
    def __init__(self, tenant: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class AnsweredTold(_message.Message):
    __slots__ = ("failure", "route_id", "task")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    route_id: str
    task: str
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., route_id: _Optional[str] = ..., task: _Optional[str] = ...) -> None: ...
