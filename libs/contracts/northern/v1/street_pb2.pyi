from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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

class Beat(_message.Message):
    __slots__ = ("service", "replica", "boot_id", "egresses", "leaving")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    EGRESSES_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    service: str
    replica: str
    boot_id: str
    egresses: _containers.RepeatedCompositeFieldContainer[EgressState]
    leaving: bool
    def __init__(self, service: _Optional[str] = ..., replica: _Optional[str] = ..., boot_id: _Optional[str] = ..., egresses: _Optional[_Iterable[_Union[EgressState, _Mapping]]] = ..., leaving: _Optional[bool] = ...) -> None: ...
