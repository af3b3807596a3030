from libs.contracts.northern.v1 import query_pb2 as _query_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignIn(_message.Message):
    __slots__ = ("email", "password", "client")
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    email: str
    password: str
    client: str
    def __init__(self, email: _Optional[str] = ..., password: _Optional[str] = ..., client: _Optional[str] = ...) -> None: ...

class SessionOf(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class Refresh(_message.Message):
    __slots__ = ("token", "csrf_token", "own_page")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSRF_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWN_PAGE_FIELD_NUMBER: _ClassVar[int]
    token: str
    csrf_token: str
    own_page: bool
    def __init__(self, token: _Optional[str] = ..., csrf_token: _Optional[str] = ..., own_page: _Optional[bool] = ...) -> None: ...

class PasswordChange(_message.Message):
    __slots__ = ("session", "current", "invite", "password")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    session: str
    current: str
    invite: str
    password: str
    def __init__(self, session: _Optional[str] = ..., current: _Optional[str] = ..., invite: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class SessionGot(_message.Message):
    __slots__ = ("failure", "token", "csrf_token", "user", "expires_in_s", "refresh_token", "refresh_in_s")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSRF_TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REFRESH_IN_S_FIELD_NUMBER: _ClassVar[int]
    failure: _query_pb2.QueryFailure
    token: str
    csrf_token: str
    user: bytes
    expires_in_s: int
    refresh_token: str
    refresh_in_s: int
    def __init__(self, failure: _Optional[_Union[_query_pb2.QueryFailure, _Mapping]] = ..., token: _Optional[str] = ..., csrf_token: _Optional[str] = ..., user: _Optional[bytes] = ..., expires_in_s: _Optional[int] = ..., refresh_token: _Optional[str] = ..., refresh_in_s: _Optional[int] = ...) -> None: ...

class Actor(_message.Message):
    __slots__ = ("tenant", "key_digest", "user_id", "role")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    key_digest: str
    user_id: str
    role: str
    def __init__(self, tenant: _Optional[str] = ..., key_digest: _Optional[str] = ..., user_id: _Optional[str] = ..., role: _Optional[str] = ...) -> None: ...

class AccountAsk(_message.Message):
    __slots__ = ("actor", "id", "body", "cursor", "limit", "everything", "inference")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    EVERYTHING_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    id: str
    body: bytes
    cursor: str
    limit: int
    everything: bool
    inference: bool
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., id: _Optional[str] = ..., body: _Optional[bytes] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ..., everything: _Optional[bool] = ..., inference: _Optional[bool] = ...) -> None: ...

class AccountTold(_message.Message):
    __slots__ = ("failure", "json")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    failure: _query_pb2.QueryFailure
    json: bytes
    def __init__(self, failure: _Optional[_Union[_query_pb2.QueryFailure, _Mapping]] = ..., json: _Optional[bytes] = ...) -> None: ...
