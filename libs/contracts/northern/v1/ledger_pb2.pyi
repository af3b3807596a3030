from libs.contracts.northern.v1 import facts_pb2 as _facts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_NONE: _ClassVar[Effect]
    EFFECT_HELD: _ClassVar[Effect]
    EFFECT_EXTENDED: _ClassVar[Effect]
    EFFECT_VOIDED: _ClassVar[Effect]
    EFFECT_SETTLED: _ClassVar[Effect]
    EFFECT_LATE: _ClassVar[Effect]
    EFFECT_UNHELD: _ClassVar[Effect]
    EFFECT_EXPIRED: _ClassVar[Effect]
    EFFECT_CREDITED: _ClassVar[Effect]
    EFFECT_ADJUSTED: _ClassVar[Effect]
    EFFECT_OPENED: _ClassVar[Effect]
EFFECT_NONE: Effect
EFFECT_HELD: Effect
EFFECT_EXTENDED: Effect
EFFECT_VOIDED: Effect
EFFECT_SETTLED: Effect
EFFECT_LATE: Effect
EFFECT_UNHELD: Effect
EFFECT_EXPIRED: Effect
EFFECT_CREDITED: Effect
EFFECT_ADJUSTED: Effect
EFFECT_OPENED: Effect

class Hold(_message.Message):
    __slots__ = ("op_id", "account", "key_id", "request_id", "amount_nano", "tokens", "idempotency_key", "at_ms", "expires_at_ms", "day", "cap_nano", "month", "budget_nano")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    CAP_NANO_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    BUDGET_NANO_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    key_id: str
    request_id: str
    amount_nano: int
    tokens: int
    idempotency_key: str
    at_ms: int
    expires_at_ms: int
    day: str
    cap_nano: int
    month: str
    budget_nano: int
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., key_id: _Optional[str] = ..., request_id: _Optional[str] = ..., amount_nano: _Optional[int] = ..., tokens: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., at_ms: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., day: _Optional[str] = ..., cap_nano: _Optional[int] = ..., month: _Optional[str] = ..., budget_nano: _Optional[int] = ...) -> None: ...

class Extend(_message.Message):
    __slots__ = ("op_id", "account", "request_id", "amount_nano", "expires_at_ms")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    request_id: str
    amount_nano: int
    expires_at_ms: int
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., request_id: _Optional[str] = ..., amount_nano: _Optional[int] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("op_id", "account", "amount_nano", "note", "by")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    amount_nano: int
    note: str
    by: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., amount_nano: _Optional[int] = ..., note: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class Adjust(_message.Message):
    __slots__ = ("op_id", "account", "amount_nano", "note", "by")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    amount_nano: int
    note: str
    by: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., amount_nano: _Optional[int] = ..., note: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("code", "message", "balance_nano", "held_nano", "retry_after_ms", "headers", "param", "first_request_id")
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
    PARAM_FIELD_NUMBER: _ClassVar[int]
    FIRST_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    balance_nano: int
    held_nano: int
    retry_after_ms: int
    headers: _containers.ScalarMap[str, str]
    param: str
    first_request_id: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., balance_nano: _Optional[int] = ..., held_nano: _Optional[int] = ..., retry_after_ms: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ..., param: _Optional[str] = ..., first_request_id: _Optional[str] = ...) -> None: ...

class Settle(_message.Message):
    __slots__ = ("op_id", "request_id", "account", "key_id", "amount_nano", "fee_nano", "stream_seq", "at_ms", "estimated", "outcome", "day", "month")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NANO_FIELD_NUMBER: _ClassVar[int]
    FEE_NANO_FIELD_NUMBER: _ClassVar[int]
    STREAM_SEQ_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    request_id: str
    account: str
    key_id: str
    amount_nano: int
    fee_nano: int
    stream_seq: int
    at_ms: int
    estimated: bool
    outcome: _facts_pb2.Outcome
    day: str
    month: str
    def __init__(self, op_id: _Optional[str] = ..., request_id: _Optional[str] = ..., account: _Optional[str] = ..., key_id: _Optional[str] = ..., amount_nano: _Optional[int] = ..., fee_nano: _Optional[int] = ..., stream_seq: _Optional[int] = ..., at_ms: _Optional[int] = ..., estimated: _Optional[bool] = ..., outcome: _Optional[_Union[_facts_pb2.Outcome, str]] = ..., day: _Optional[str] = ..., month: _Optional[str] = ...) -> None: ...

class Expire(_message.Message):
    __slots__ = ("now_ms",)
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    now_ms: int
    def __init__(self, now_ms: _Optional[int] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("op_id", "account", "currency")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    account: str
    currency: str
    def __init__(self, op_id: _Optional[str] = ..., account: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class LedgerOp(_message.Message):
    __slots__ = ("hold", "extend", "void", "top_up", "adjust", "settle", "expire", "open_account")
    HOLD_FIELD_NUMBER: _ClassVar[int]
    EXTEND_FIELD_NUMBER: _ClassVar[int]
    VOID_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    ADJUST_FIELD_NUMBER: _ClassVar[int]
    SETTLE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_FIELD_NUMBER: _ClassVar[int]
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    hold: Hold
    extend: Extend
    void: Void
    top_up: TopUp
    adjust: Adjust
    settle: Settle
    expire: Expire
    open_account: OpenAccount
    def __init__(self, hold: _Optional[_Union[Hold, _Mapping]] = ..., extend: _Optional[_Union[Extend, _Mapping]] = ..., void: _Optional[_Union[Void, _Mapping]] = ..., top_up: _Optional[_Union[TopUp, _Mapping]] = ..., adjust: _Optional[_Union[Adjust, _Mapping]] = ..., settle: _Optional[_Union[Settle, _Mapping]] = ..., expire: _Optional[_Union[Expire, _Mapping]] = ..., open_account: _Optional[_Union[OpenAccount, _Mapping]] = ...) -> None: ...

class LedgerResult(_message.Message):
    __slots__ = ("code", "param", "effect", "balance_nano", "held_nano", "retry_after_ms", "first_request_id", "posted_nano", "overrun_nano", "expired", "forgotten", "unfinished")
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NANO_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    POSTED_NANO_FIELD_NUMBER: _ClassVar[int]
    OVERRUN_NANO_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_FIELD_NUMBER: _ClassVar[int]
    code: str
    param: str
    effect: Effect
    balance_nano: int
    held_nano: int
    retry_after_ms: int
    first_request_id: str
    posted_nano: int
    overrun_nano: int
    expired: _containers.RepeatedScalarFieldContainer[str]
    forgotten: int
    unfinished: bool
    def __init__(self, code: _Optional[str] = ..., param: _Optional[str] = ..., effect: _Optional[_Union[Effect, str]] = ..., balance_nano: _Optional[int] = ..., held_nano: _Optional[int] = ..., retry_after_ms: _Optional[int] = ..., first_request_id: _Optional[str] = ..., posted_nano: _Optional[int] = ..., overrun_nano: _Optional[int] = ..., expired: _Optional[_Iterable[str]] = ..., forgotten: _Optional[int] = ..., unfinished: _Optional[bool] = ...) -> None: ...

class JournalBatch(_message.Message):
    __slots__ = ("prev_hash", "first_op", "epoch", "ops", "results", "stream_seq", "at_ms", "hash")
    PREV_HASH_FIELD_NUMBER: _ClassVar[int]
    FIRST_OP_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    STREAM_SEQ_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    prev_hash: bytes
    first_op: int
    epoch: int
    ops: _containers.RepeatedCompositeFieldContainer[LedgerOp]
    results: _containers.RepeatedCompositeFieldContainer[LedgerResult]
    stream_seq: int
    at_ms: int
    hash: bytes
    def __init__(self, prev_hash: _Optional[bytes] = ..., first_op: _Optional[int] = ..., epoch: _Optional[int] = ..., ops: _Optional[_Iterable[_Union[LedgerOp, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[LedgerResult, _Mapping]]] = ..., stream_seq: _Optional[int] = ..., at_ms: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class LedgerSnapshot(_message.Message):
    __slots__ = ("version", "head", "ops", "epoch", "stream_seq", "now_ms", "accounts", "books", "requests", "answers", "days", "months", "hash")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STREAM_SEQ_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    BOOKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    MONTHS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    version: int
    head: bytes
    ops: int
    epoch: int
    stream_seq: int
    now_ms: int
    accounts: _containers.RepeatedCompositeFieldContainer[SnapshotAccount]
    books: _containers.RepeatedCompositeFieldContainer[SnapshotBooks]
    requests: _containers.RepeatedCompositeFieldContainer[SnapshotRequest]
    answers: _containers.RepeatedCompositeFieldContainer[SnapshotAnswer]
    days: _containers.RepeatedCompositeFieldContainer[SnapshotSpending]
    months: _containers.RepeatedCompositeFieldContainer[SnapshotSpending]
    hash: bytes
    def __init__(self, version: _Optional[int] = ..., head: _Optional[bytes] = ..., ops: _Optional[int] = ..., epoch: _Optional[int] = ..., stream_seq: _Optional[int] = ..., now_ms: _Optional[int] = ..., accounts: _Optional[_Iterable[_Union[SnapshotAccount, _Mapping]]] = ..., books: _Optional[_Iterable[_Union[SnapshotBooks, _Mapping]]] = ..., requests: _Optional[_Iterable[_Union[SnapshotRequest, _Mapping]]] = ..., answers: _Optional[_Iterable[_Union[SnapshotAnswer, _Mapping]]] = ..., days: _Optional[_Iterable[_Union[SnapshotSpending, _Mapping]]] = ..., months: _Optional[_Iterable[_Union[SnapshotSpending, _Mapping]]] = ..., hash: _Optional[bytes] = ...) -> None: ...

class SnapshotAccount(_message.Message):
    __slots__ = ("id", "currency", "balance_nano", "held_nano", "excess_nano")
    ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NANO_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    EXCESS_NANO_FIELD_NUMBER: _ClassVar[int]
    id: str
    currency: str
    balance_nano: int
    held_nano: int
    excess_nano: int
    def __init__(self, id: _Optional[str] = ..., currency: _Optional[str] = ..., balance_nano: _Optional[int] = ..., held_nano: _Optional[int] = ..., excess_nano: _Optional[int] = ...) -> None: ...

class SnapshotBooks(_message.Message):
    __slots__ = ("currency", "cash", "revenue", "fees", "adjustments")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    currency: str
    cash: int
    revenue: int
    fees: int
    adjustments: int
    def __init__(self, currency: _Optional[str] = ..., cash: _Optional[int] = ..., revenue: _Optional[int] = ..., fees: _Optional[int] = ..., adjustments: _Optional[int] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("id", "account", "key_id", "standing", "held_nano", "at_ms", "due_at_ms", "day", "month", "cap_nano", "budget_nano", "idempotency_key", "claims_key", "op_ids")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    CAP_NANO_FIELD_NUMBER: _ClassVar[int]
    BUDGET_NANO_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_KEY_FIELD_NUMBER: _ClassVar[int]
    OP_IDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    account: str
    key_id: str
    standing: str
    held_nano: int
    at_ms: int
    due_at_ms: int
    day: str
    month: str
    cap_nano: int
    budget_nano: int
    idempotency_key: str
    claims_key: bool
    op_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., account: _Optional[str] = ..., key_id: _Optional[str] = ..., standing: _Optional[str] = ..., held_nano: _Optional[int] = ..., at_ms: _Optional[int] = ..., due_at_ms: _Optional[int] = ..., day: _Optional[str] = ..., month: _Optional[str] = ..., cap_nano: _Optional[int] = ..., budget_nano: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., claims_key: _Optional[bool] = ..., op_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SnapshotAnswer(_message.Message):
    __slots__ = ("op_id", "content", "result", "due_at_ms")
    OP_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    op_id: str
    content: bytes
    result: bytes
    due_at_ms: int
    def __init__(self, op_id: _Optional[str] = ..., content: _Optional[bytes] = ..., result: _Optional[bytes] = ..., due_at_ms: _Optional[int] = ...) -> None: ...

class SnapshotSpending(_message.Message):
    __slots__ = ("owner", "period", "spent_nano", "held_nano")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    SPENT_NANO_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    owner: str
    period: str
    spent_nano: int
    held_nano: int
    def __init__(self, owner: _Optional[str] = ..., period: _Optional[str] = ..., spent_nano: _Optional[int] = ..., held_nano: _Optional[int] = ...) -> None: ...
