from libs.contracts.northern.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Taken(_message.Message):
    __slots__ = ("ctl", "boot_id")
    CTL_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    ctl: str
    boot_id: str
    def __init__(self, ctl: _Optional[str] = ..., boot_id: _Optional[str] = ...) -> None: ...

class RouteFacts(_message.Message):
    __slots__ = ("route_id", "tier", "provider", "region", "jurisdiction", "custody_path", "credential_source", "litellm_model", "processing_jurisdictions", "evidence", "sandbox", "model", "processing_regions", "scope", "source", "checked")
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    JURISDICTION_FIELD_NUMBER: _ClassVar[int]
    CUSTODY_PATH_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_SOURCE_FIELD_NUMBER: _ClassVar[int]
    LITELLM_MODEL_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_JURISDICTIONS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_REGIONS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    route_id: str
    tier: str
    provider: str
    region: str
    jurisdiction: str
    custody_path: str
    credential_source: str
    litellm_model: str
    processing_jurisdictions: _containers.RepeatedScalarFieldContainer[str]
    evidence: str
    sandbox: bool
    model: str
    processing_regions: _containers.RepeatedScalarFieldContainer[str]
    scope: str
    source: str
    checked: str
    def __init__(self, route_id: _Optional[str] = ..., tier: _Optional[str] = ..., provider: _Optional[str] = ..., region: _Optional[str] = ..., jurisdiction: _Optional[str] = ..., custody_path: _Optional[str] = ..., credential_source: _Optional[str] = ..., litellm_model: _Optional[str] = ..., processing_jurisdictions: _Optional[_Iterable[str]] = ..., evidence: _Optional[str] = ..., sandbox: _Optional[bool] = ..., model: _Optional[str] = ..., processing_regions: _Optional[_Iterable[str]] = ..., scope: _Optional[str] = ..., source: _Optional[str] = ..., checked: _Optional[str] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("status", "stream", "route", "dropped_params", "attempts", "provider_us", "provider_request_id", "estimated", "limits", "decision")
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    DROPPED_PARAMS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_US_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    status: int
    stream: bool
    route: RouteFacts
    dropped_params: _containers.RepeatedScalarFieldContainer[str]
    attempts: int
    provider_us: int
    provider_request_id: str
    estimated: bool
    limits: _containers.ScalarMap[str, str]
    decision: _envelope_pb2.Decision
    def __init__(self, status: _Optional[int] = ..., stream: _Optional[bool] = ..., route: _Optional[_Union[RouteFacts, _Mapping]] = ..., dropped_params: _Optional[_Iterable[str]] = ..., attempts: _Optional[int] = ..., provider_us: _Optional[int] = ..., provider_request_id: _Optional[str] = ..., estimated: _Optional[bool] = ..., limits: _Optional[_Mapping[str, str]] = ..., decision: _Optional[_Union[_envelope_pb2.Decision, _Mapping]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "estimated", "service_tier", "images", "inference_geo")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    CACHE_READ_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_5M_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_1H_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REASONING_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_GEO_FIELD_NUMBER: _ClassVar[int]
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning: int
    estimated: bool
    service_tier: str
    images: int
    inference_geo: str
    def __init__(self, input: _Optional[int] = ..., cache_read: _Optional[int] = ..., cache_write_5m: _Optional[int] = ..., cache_write_1h: _Optional[int] = ..., output: _Optional[int] = ..., reasoning: _Optional[int] = ..., estimated: _Optional[bool] = ..., service_tier: _Optional[str] = ..., images: _Optional[int] = ..., inference_geo: _Optional[str] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("usage", "cost_nano", "currency", "billed_nano", "billed_currency")
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BILLED_NANO_FIELD_NUMBER: _ClassVar[int]
    BILLED_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    usage: Usage
    cost_nano: int
    currency: str
    billed_nano: int
    billed_currency: str
    def __init__(self, usage: _Optional[_Union[Usage, _Mapping]] = ..., cost_nano: _Optional[int] = ..., currency: _Optional[str] = ..., billed_nano: _Optional[int] = ..., billed_currency: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "retry_after_ms", "provider_status", "param", "route", "limits", "first_request_id", "attempts", "provider_code")
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_STATUS_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    FIRST_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retry_after_ms: int
    provider_status: int
    param: str
    route: RouteFacts
    limits: _containers.ScalarMap[str, str]
    first_request_id: str
    attempts: int
    provider_code: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retry_after_ms: _Optional[int] = ..., provider_status: _Optional[int] = ..., param: _Optional[str] = ..., route: _Optional[_Union[RouteFacts, _Mapping]] = ..., limits: _Optional[_Mapping[str, str]] = ..., first_request_id: _Optional[str] = ..., attempts: _Optional[int] = ..., provider_code: _Optional[str] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("attempt", "n", "taken", "head", "data", "output_bytes", "end", "failure", "beat")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BEAT_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    n: int
    taken: Taken
    head: Head
    data: bytes
    output_bytes: int
    end: End
    failure: Failure
    beat: bool
    def __init__(self, attempt: _Optional[int] = ..., n: _Optional[int] = ..., taken: _Optional[_Union[Taken, _Mapping]] = ..., head: _Optional[_Union[Head, _Mapping]] = ..., data: _Optional[bytes] = ..., output_bytes: _Optional[int] = ..., end: _Optional[_Union[End, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., beat: _Optional[bool] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("attempt", "credit", "cancel", "last_n")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    LAST_N_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    credit: int
    cancel: bool
    last_n: int
    def __init__(self, attempt: _Optional[int] = ..., credit: _Optional[int] = ..., cancel: _Optional[bool] = ..., last_n: _Optional[int] = ...) -> None: ...

class BodyPiece(_message.Message):
    __slots__ = ("offset", "length", "data")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    offset: int
    length: int
    data: bytes
    def __init__(self, offset: _Optional[int] = ..., length: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...
