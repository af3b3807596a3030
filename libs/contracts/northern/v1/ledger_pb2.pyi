from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Hold(_message.Message):
    __slots__ = ("op_id", "account", "key_id", "request_id", "amount_nano", "tokens")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    key_id: str
    request_id: str
    amount_nano: int
    tokens: int
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., key_id: _Optional[str] = ..., request_id: _Optional[str] = ..., amount_nano: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...

class Extend(_message.Message):
    __slots__ = ("op_id", "account", "request_id", "amount_nano")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    request_id: str
    amount_nano: int
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., request_id: _Optional[str] = ..., amount_nano: _Optional[int] = ...) -> None: ...

class Void(_message.Message):
    __slots__ = ("op_id", "account", "request_id")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    request_id: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class TopUp(_message.Message):
    __slots__ = ("op_id", "account", "amount_nano", "note")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    amount_nano: int
    note: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., amount_nano: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Adjust(_message.Message):
    __slots__ = ("op_id", "account", "amount_nano", "note")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    amount_nano: int
    note: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., amount_nano: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class LedgerRequest(_message.Message):
    __slots__ = ("hold", "extend", "void", "top_up", "adjust")
    HOLD_FIELD_NUMBER: _ClassVar[int]
    EXTEND_FIELD_NUMBER: _ClassVar[int]
    VOID_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    ADJUST_FIELD_NUMBER: _ClassVar[int]
    hold: Hold
    extend: Extend
    void: Void
    top_up: TopUp
    adjust: Adjust
    def __init__(self, hold: _Optional[_Union[Hold, _Mapping]] = ..., extend: _Optional[_Union[Extend, _Mapping]] = ..., void: _Optional[_Union[Void, _Mapping]] = ..., top_up: _Optional[_Union[TopUp, _Mapping]] = ..., adjust: _Optional[_Union[Adjust, _Mapping]] = ...) -> None: ...

class LedgerReply(_message.Message):
    __slots__ = ("code", "message", "balance_nano", "held_nano", "retry_after_ms", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NANO_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    balance_nano: int
    held_nano: int
    retry_after_ms: int
    headers: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., balance_nano: _Optional[int] = ..., held_nano: _Optional[int] = ..., retry_after_ms: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...
