from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryFailure(_message.Message):
    __slots__ = ("code", "message", "retry_after_ms")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retry_after_ms: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

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

class SignIn(_message.Message):
    __slots__ = ("email", "password")
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    email: str
    password: str
    def __init__(self, email: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class SessionOf(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class SessionGot(_message.Message):
    __slots__ = ("failure", "token", "csrf_token", "user", "expires_in_s")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSRF_TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    failure: QueryFailure
    token: str
    csrf_token: str
    user: bytes
    expires_in_s: int
    def __init__(self, failure: _Optional[_Union[QueryFailure, _Mapping]] = ..., token: _Optional[str] = ..., csrf_token: _Optional[str] = ..., user: _Optional[bytes] = ..., expires_in_s: _Optional[int] = ...) -> None: ...
