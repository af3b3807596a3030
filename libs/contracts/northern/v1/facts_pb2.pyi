from libs.contracts.northern.v1 import envelope_pb2 as _envelope_pb2
from libs.contracts.northern.v1 import frames_pb2 as _frames_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_COMPLETED: _ClassVar[Outcome]
    OUTCOME_FAILED: _ClassVar[Outcome]
    OUTCOME_CUT: _ClassVar[Outcome]
    OUTCOME_CANCELLED: _ClassVar[Outcome]
    OUTCOME_NOT_SENT: _ClassVar[Outcome]
    OUTCOME_WORKER_LOST: _ClassVar[Outcome]

class Delivery(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_UNSPECIFIED: _ClassVar[Delivery]
    DELIVERY_COMPLETE: _ClassVar[Delivery]
    DELIVERY_CLIENT_GONE: _ClassVar[Delivery]
    DELIVERY_CUT: _ClassVar[Delivery]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_COMPLETED: Outcome
OUTCOME_FAILED: Outcome
OUTCOME_CUT: Outcome
OUTCOME_CANCELLED: Outcome
OUTCOME_NOT_SENT: Outcome
OUTCOME_WORKER_LOST: Outcome
DELIVERY_UNSPECIFIED: Delivery
DELIVERY_COMPLETE: Delivery
DELIVERY_CLIENT_GONE: Delivery
DELIVERY_CUT: Delivery

class Egress(_message.Message):
    __slots__ = ("boot_id", "attempt", "key_id", "dialect", "surface", "stream", "model_requested", "route", "host", "salt", "request_hash", "sent_hash", "received_at_ms", "residency", "edge", "traceparent", "operation", "images_fetched", "images_linked")
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    MODEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    SENT_HASH_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    RESIDENCY_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FETCHED_FIELD_NUMBER: _ClassVar[int]
    IMAGES_LINKED_FIELD_NUMBER: _ClassVar[int]
    boot_id: str
    attempt: int
    key_id: str
    dialect: _envelope_pb2.Dialect
    surface: _envelope_pb2.Surface
    stream: bool
    model_requested: str
    route: _frames_pb2.RouteFacts
    host: str
    salt: bytes
    request_hash: bytes
    sent_hash: bytes
    received_at_ms: int
    residency: _containers.RepeatedScalarFieldContainer[str]
    edge: str
    traceparent: str
    operation: _envelope_pb2.Operation
    images_fetched: int
    images_linked: int
    def __init__(self, boot_id: _Optional[str] = ..., attempt: _Optional[int] = ..., key_id: _Optional[str] = ..., dialect: _Optional[_Union[_envelope_pb2.Dialect, str]] = ..., surface: _Optional[_Union[_envelope_pb2.Surface, str]] = ..., stream: _Optional[bool] = ..., model_requested: _Optional[str] = ..., route: _Optional[_Union[_frames_pb2.RouteFacts, _Mapping]] = ..., host: _Optional[str] = ..., salt: _Optional[bytes] = ..., request_hash: _Optional[bytes] = ..., sent_hash: _Optional[bytes] = ..., received_at_ms: _Optional[int] = ..., residency: _Optional[_Iterable[str]] = ..., edge: _Optional[str] = ..., traceparent: _Optional[str] = ..., operation: _Optional[_Union[_envelope_pb2.Operation, str]] = ..., images_fetched: _Optional[int] = ..., images_linked: _Optional[int] = ...) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("host", "address", "tls_version", "certificate_key_hash", "provider_request_id")
    HOST_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TLS_VERSION_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    host: str
    address: str
    tls_version: str
    certificate_key_hash: bytes
    provider_request_id: str
    def __init__(self, host: _Optional[str] = ..., address: _Optional[str] = ..., tls_version: _Optional[str] = ..., certificate_key_hash: _Optional[bytes] = ..., provider_request_id: _Optional[str] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("boot_id", "attempts", "outcome", "usage", "rate_card", "cost_nano", "currency", "provider_status", "error_code", "endpoint", "response_hash", "first_byte_ms", "total_ms", "output_bytes", "route", "billed_nano", "billed_currency")
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    RATE_CARD_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HASH_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    BILLED_NANO_FIELD_NUMBER: _ClassVar[int]
    BILLED_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    boot_id: str
    attempts: int
    outcome: Outcome
    usage: _frames_pb2.Usage
    rate_card: str
    cost_nano: int
    currency: str
    provider_status: int
    error_code: str
    endpoint: Endpoint
    response_hash: bytes
    first_byte_ms: int
    total_ms: int
    output_bytes: int
    route: _frames_pb2.RouteFacts
    billed_nano: int
    billed_currency: str
    def __init__(self, boot_id: _Optional[str] = ..., attempts: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., usage: _Optional[_Union[_frames_pb2.Usage, _Mapping]] = ..., rate_card: _Optional[str] = ..., cost_nano: _Optional[int] = ..., currency: _Optional[str] = ..., provider_status: _Optional[int] = ..., error_code: _Optional[str] = ..., endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., response_hash: _Optional[bytes] = ..., first_byte_ms: _Optional[int] = ..., total_ms: _Optional[int] = ..., output_bytes: _Optional[int] = ..., route: _Optional[_Union[_frames_pb2.RouteFacts, _Mapping]] = ..., billed_nano: _Optional[int] = ..., billed_currency: _Optional[str] = ...) -> None: ...

class Delivered(_message.Message):
    __slots__ = ("delivery", "status", "size", "chunks", "hash", "output_bytes", "first_byte_ms", "total_ms")
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    delivery: Delivery
    status: int
    size: int
    chunks: int
    hash: bytes
    output_bytes: int
    first_byte_ms: int
    total_ms: int
    def __init__(self, delivery: _Optional[_Union[Delivery, str]] = ..., status: _Optional[int] = ..., size: _Optional[int] = ..., chunks: _Optional[int] = ..., hash: _Optional[bytes] = ..., output_bytes: _Optional[int] = ..., first_byte_ms: _Optional[int] = ..., total_ms: _Optional[int] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("code", "rule", "model_requested", "key_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MODEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    rule: str
    model_requested: str
    key_id: str
    def __init__(self, code: _Optional[str] = ..., rule: _Optional[str] = ..., model_requested: _Optional[str] = ..., key_id: _Optional[str] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("request_id", "tenant", "at_ms", "egress", "finished", "delivered", "refused")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    at_ms: int
    egress: Egress
    finished: Finished
    delivered: Delivered
    refused: Refused
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., at_ms: _Optional[int] = ..., egress: _Optional[_Union[Egress, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., delivered: _Optional[_Union[Delivered, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class FactBatch(_message.Message):
    __slots__ = ("facts",)
    FACTS_FIELD_NUMBER: _ClassVar[int]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...
