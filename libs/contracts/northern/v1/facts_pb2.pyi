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
    __slots__ = ("boot_id", "attempt", "key_id", "dialect", "surface", "stream", "model_requested", "route", "host", "salt", "request_hash", "sent_hash", "received_at_ms", "residency", "edge", "traceparent", "operation", "images_fetched", "images_linked", "hops", "catalogue", "decision")
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
    HOPS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
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
    hops: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.Hop]
    catalogue: str
    decision: _envelope_pb2.Decision
    def __init__(self, boot_id: _Optional[str] = ..., attempt: _Optional[int] = ..., key_id: _Optional[str] = ..., dialect: _Optional[_Union[_envelope_pb2.Dialect, str]] = ..., surface: _Optional[_Union[_envelope_pb2.Surface, str]] = ..., stream: _Optional[bool] = ..., model_requested: _Optional[str] = ..., route: _Optional[_Union[_frames_pb2.RouteFacts, _Mapping]] = ..., host: _Optional[str] = ..., salt: _Optional[bytes] = ..., request_hash: _Optional[bytes] = ..., sent_hash: _Optional[bytes] = ..., received_at_ms: _Optional[int] = ..., residency: _Optional[_Iterable[str]] = ..., edge: _Optional[str] = ..., traceparent: _Optional[str] = ..., operation: _Optional[_Union[_envelope_pb2.Operation, str]] = ..., images_fetched: _Optional[int] = ..., images_linked: _Optional[int] = ..., hops: _Optional[_Iterable[_Union[_envelope_pb2.Hop, _Mapping]]] = ..., catalogue: _Optional[str] = ..., decision: _Optional[_Union[_envelope_pb2.Decision, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("boot_id", "attempts", "outcome", "usage", "rate_card", "cost_nano", "currency", "provider_status", "error_code", "endpoint", "response_hash", "first_byte_ms", "total_ms", "output_bytes", "route", "billed_nano", "billed_currency", "returned", "statement", "signature", "signer", "tries")
    class ReturnedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
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
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    TRIES_FIELD_NUMBER: _ClassVar[int]
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
    returned: _containers.ScalarMap[str, str]
    statement: bytes
    signature: bytes
    signer: bytes
    tries: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.Try]
    def __init__(self, boot_id: _Optional[str] = ..., attempts: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., usage: _Optional[_Union[_frames_pb2.Usage, _Mapping]] = ..., rate_card: _Optional[str] = ..., cost_nano: _Optional[int] = ..., currency: _Optional[str] = ..., provider_status: _Optional[int] = ..., error_code: _Optional[str] = ..., endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., response_hash: _Optional[bytes] = ..., first_byte_ms: _Optional[int] = ..., total_ms: _Optional[int] = ..., output_bytes: _Optional[int] = ..., route: _Optional[_Union[_frames_pb2.RouteFacts, _Mapping]] = ..., billed_nano: _Optional[int] = ..., billed_currency: _Optional[str] = ..., returned: _Optional[_Mapping[str, str]] = ..., statement: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., signer: _Optional[bytes] = ..., tries: _Optional[_Iterable[_Union[_envelope_pb2.Try, _Mapping]]] = ...) -> None: ...

class Delivered(_message.Message):
    __slots__ = ("delivery", "status", "size", "chunks", "hash", "output_bytes", "first_byte_ms", "total_ms", "hop")
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    FIRST_BYTE_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    HOP_FIELD_NUMBER: _ClassVar[int]
    delivery: Delivery
    status: int
    size: int
    chunks: int
    hash: bytes
    output_bytes: int
    first_byte_ms: int
    total_ms: int
    hop: _envelope_pb2.Hop
    def __init__(self, delivery: _Optional[_Union[Delivery, str]] = ..., status: _Optional[int] = ..., size: _Optional[int] = ..., chunks: _Optional[int] = ..., hash: _Optional[bytes] = ..., output_bytes: _Optional[int] = ..., first_byte_ms: _Optional[int] = ..., total_ms: _Optional[int] = ..., hop: _Optional[_Union[_envelope_pb2.Hop, _Mapping]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("code", "rule", "model_requested", "key_id", "rule_name", "route_id", "nearest", "residency", "salt", "request_hash", "received_at_ms", "hops")
    CODE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MODEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_NAME_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    RESIDENCY_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    code: str
    rule: str
    model_requested: str
    key_id: str
    rule_name: str
    route_id: str
    nearest: str
    residency: _containers.RepeatedScalarFieldContainer[str]
    salt: bytes
    request_hash: bytes
    received_at_ms: int
    hops: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.Hop]
    def __init__(self, code: _Optional[str] = ..., rule: _Optional[str] = ..., model_requested: _Optional[str] = ..., key_id: _Optional[str] = ..., rule_name: _Optional[str] = ..., route_id: _Optional[str] = ..., nearest: _Optional[str] = ..., residency: _Optional[_Iterable[str]] = ..., salt: _Optional[bytes] = ..., request_hash: _Optional[bytes] = ..., received_at_ms: _Optional[int] = ..., hops: _Optional[_Iterable[_Union[_envelope_pb2.Hop, _Mapping]]] = ...) -> None: ...

class Substitute(_message.Message):
    __slots__ = ("type", "place", "count", "substitute", "original_hash", "original_shape", "recognizer", "score_permille")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_HASH_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_SHAPE_FIELD_NUMBER: _ClassVar[int]
    RECOGNIZER_FIELD_NUMBER: _ClassVar[int]
    SCORE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    type: str
    place: str
    count: int
    substitute: str
    original_hash: bytes
    original_shape: str
    recognizer: str
    score_permille: int
    def __init__(self, type: _Optional[str] = ..., place: _Optional[str] = ..., count: _Optional[int] = ..., substitute: _Optional[str] = ..., original_hash: _Optional[bytes] = ..., original_shape: _Optional[str] = ..., recognizer: _Optional[str] = ..., score_permille: _Optional[int] = ...) -> None: ...

class Substituted(_message.Message):
    __slots__ = ("policy", "key_id", "counts", "entities", "part", "parts", "first", "unlisted", "retention_days", "images")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    POLICY_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    UNLISTED_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    policy: str
    key_id: str
    counts: _containers.ScalarMap[str, int]
    entities: _containers.RepeatedCompositeFieldContainer[Substitute]
    part: int
    parts: int
    first: int
    unlisted: int
    retention_days: int
    images: int
    def __init__(self, policy: _Optional[str] = ..., key_id: _Optional[str] = ..., counts: _Optional[_Mapping[str, int]] = ..., entities: _Optional[_Iterable[_Union[Substitute, _Mapping]]] = ..., part: _Optional[int] = ..., parts: _Optional[int] = ..., first: _Optional[int] = ..., unlisted: _Optional[int] = ..., retention_days: _Optional[int] = ..., images: _Optional[int] = ...) -> None: ...

class Admin(_message.Message):
    __slots__ = ("act_id", "verb", "actor", "standing", "actor_tenant", "target", "members", "detail")
    ACT_ID_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    ACTOR_TENANT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    act_id: str
    verb: str
    actor: str
    standing: str
    actor_tenant: str
    target: str
    members: _containers.RepeatedScalarFieldContainer[str]
    detail: str
    def __init__(self, act_id: _Optional[str] = ..., verb: _Optional[str] = ..., actor: _Optional[str] = ..., standing: _Optional[str] = ..., actor_tenant: _Optional[str] = ..., target: _Optional[str] = ..., members: _Optional[_Iterable[str]] = ..., detail: _Optional[str] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("of_request", "rating", "key_id", "route_id", "task")
    OF_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    of_request: str
    rating: int
    key_id: str
    route_id: str
    task: str
    def __init__(self, of_request: _Optional[str] = ..., rating: _Optional[int] = ..., key_id: _Optional[str] = ..., route_id: _Optional[str] = ..., task: _Optional[str] = ...) -> None: ...

class FeedbackCounts(_message.Message):
    __slots__ = ("counts",)
    class Count(_message.Message):
        __slots__ = ("route_id", "task", "good", "bad")
        ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
        TASK_FIELD_NUMBER: _ClassVar[int]
        GOOD_FIELD_NUMBER: _ClassVar[int]
        BAD_FIELD_NUMBER: _ClassVar[int]
        route_id: str
        task: str
        good: int
        bad: int
        def __init__(self, route_id: _Optional[str] = ..., task: _Optional[str] = ..., good: _Optional[int] = ..., bad: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[FeedbackCounts.Count]
    def __init__(self, counts: _Optional[_Iterable[_Union[FeedbackCounts.Count, _Mapping]]] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("request_id", "tenant", "at_ms", "egress", "finished", "delivered", "refused", "pii", "admin", "feedback")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    PII_FIELD_NUMBER: _ClassVar[int]
    ADMIN_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    at_ms: int
    egress: Egress
    finished: Finished
    delivered: Delivered
    refused: Refused
    pii: Substituted
    admin: Admin
    feedback: Feedback
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., at_ms: _Optional[int] = ..., egress: _Optional[_Union[Egress, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., delivered: _Optional[_Union[Delivered, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., pii: _Optional[_Union[Substituted, _Mapping]] = ..., admin: _Optional[_Union[Admin, _Mapping]] = ..., feedback: _Optional[_Union[Feedback, _Mapping]] = ...) -> None: ...

class FactBatch(_message.Message):
    __slots__ = ("facts",)
    FACTS_FIELD_NUMBER: _ClassVar[int]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...
