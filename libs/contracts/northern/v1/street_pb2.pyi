from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Breaker(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_CLOSED: _ClassVar[Breaker]
    BREAKER_OPEN: _ClassVar[Breaker]
    BREAKER_PROBING: _ClassVar[Breaker]

class Reach(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REACH_UNKNOWN: _ClassVar[Reach]
    REACH_READY: _ClassVar[Reach]
    REACH_LOADING: _ClassVar[Reach]
    REACH_NONE: _ClassVar[Reach]
BREAKER_CLOSED: Breaker
BREAKER_OPEN: Breaker
BREAKER_PROBING: Breaker
REACH_UNKNOWN: Reach
REACH_READY: Reach
REACH_LOADING: Reach
REACH_NONE: Reach

class EgressState(_message.Message):
    __slots__ = ("name", "available", "reason", "sandbox", "custom", "has_credential")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    HAS_CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    available: bool
    reason: str
    sandbox: bool
    custom: bool
    has_credential: bool
    def __init__(self, name: _Optional[str] = ..., available: _Optional[bool] = ..., reason: _Optional[str] = ..., sandbox: _Optional[bool] = ..., custom: _Optional[bool] = ..., has_credential: _Optional[bool] = ...) -> None: ...

class RouteSignals(_message.Message):
    __slots__ = ("route_id", "first_byte_p50_ms", "first_byte_p95_ms", "total_p50_ms", "total_p95_ms", "calls", "error_permille", "pending", "headroom_permille", "breaker", "tokens_per_s", "last_ms", "reach")
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_P50_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_P95_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_P50_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_P95_MS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERROR_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    HEADROOM_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_S_FIELD_NUMBER: _ClassVar[int]
    LAST_MS_FIELD_NUMBER: _ClassVar[int]
    REACH_FIELD_NUMBER: _ClassVar[int]
    route_id: str
    first_byte_p50_ms: int
    first_byte_p95_ms: int
    total_p50_ms: int
    total_p95_ms: int
    calls: int
    error_permille: int
    pending: int
    headroom_permille: int
    breaker: Breaker
    tokens_per_s: int
    last_ms: int
    reach: Reach
    def __init__(self, route_id: _Optional[str] = ..., first_byte_p50_ms: _Optional[int] = ..., first_byte_p95_ms: _Optional[int] = ..., total_p50_ms: _Optional[int] = ..., total_p95_ms: _Optional[int] = ..., calls: _Optional[int] = ..., error_permille: _Optional[int] = ..., pending: _Optional[int] = ..., headroom_permille: _Optional[int] = ..., breaker: _Optional[_Union[Breaker, str]] = ..., tokens_per_s: _Optional[int] = ..., last_ms: _Optional[int] = ..., reach: _Optional[_Union[Reach, str]] = ...) -> None: ...

class Beat(_message.Message):
    __slots__ = ("service", "replica", "boot_id", "egresses", "routes", "leaving")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    EGRESSES_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    service: str
    replica: str
    boot_id: str
    egresses: _containers.RepeatedCompositeFieldContainer[EgressState]
    routes: _containers.RepeatedCompositeFieldContainer[RouteSignals]
    leaving: bool
    def __init__(self, service: _Optional[str] = ..., replica: _Optional[str] = ..., boot_id: _Optional[str] = ..., egresses: _Optional[_Iterable[_Union[EgressState, _Mapping]]] = ..., routes: _Optional[_Iterable[_Union[RouteSignals, _Mapping]]] = ..., leaving: _Optional[bool] = ...) -> None: ...
