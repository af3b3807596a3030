from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dialect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIALECT_UNSPECIFIED: _ClassVar[Dialect]
    DIALECT_OPENAI_CHAT: _ClassVar[Dialect]
    DIALECT_ANTHROPIC_MESSAGES: _ClassVar[Dialect]

class Surface(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SURFACE_UNSPECIFIED: _ClassVar[Surface]
    SURFACE_GATEWAY: _ClassVar[Surface]
    SURFACE_INFERENCE: _ClassVar[Surface]

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_GENERATE: _ClassVar[Operation]
    OPERATION_COUNT_TOKENS: _ClassVar[Operation]
DIALECT_UNSPECIFIED: Dialect
DIALECT_OPENAI_CHAT: Dialect
DIALECT_ANTHROPIC_MESSAGES: Dialect
SURFACE_UNSPECIFIED: Surface
SURFACE_GATEWAY: Surface
SURFACE_INFERENCE: Surface
OPERATION_GENERATE: Operation
OPERATION_COUNT_TOKENS: Operation

class Shape(_message.Message):
    __slots__ = ("model", "stream", "text_bytes", "last_user_turn", "images", "tools", "schema", "max_tokens", "include_usage", "image_links", "image_bytes", "choices", "thinking", "session", "tool_loop", "audio")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_USER_TURN_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_USAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_LINKS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TOOL_LOOP_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: bool
    text_bytes: int
    last_user_turn: str
    images: int
    tools: int
    schema: bool
    max_tokens: int
    include_usage: bool
    image_links: int
    image_bytes: int
    choices: int
    thinking: bool
    session: str
    tool_loop: bool
    audio: int
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[bool] = ..., text_bytes: _Optional[int] = ..., last_user_turn: _Optional[str] = ..., images: _Optional[int] = ..., tools: _Optional[int] = ..., schema: _Optional[bool] = ..., max_tokens: _Optional[int] = ..., include_usage: _Optional[bool] = ..., image_links: _Optional[int] = ..., image_bytes: _Optional[int] = ..., choices: _Optional[int] = ..., thinking: _Optional[bool] = ..., session: _Optional[str] = ..., tool_loop: _Optional[bool] = ..., audio: _Optional[int] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("allowed_tiers", "tier", "residency", "allow_fallbacks", "byok")
    ALLOWED_TIERS_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    RESIDENCY_FIELD_NUMBER: _ClassVar[int]
    ALLOW_FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    BYOK_FIELD_NUMBER: _ClassVar[int]
    allowed_tiers: _containers.RepeatedScalarFieldContainer[str]
    tier: str
    residency: _containers.RepeatedScalarFieldContainer[str]
    allow_fallbacks: bool
    byok: bool
    def __init__(self, allowed_tiers: _Optional[_Iterable[str]] = ..., tier: _Optional[str] = ..., residency: _Optional[_Iterable[str]] = ..., allow_fallbacks: _Optional[bool] = ..., byok: _Optional[bool] = ...) -> None: ...

class BodyRef(_message.Message):
    __slots__ = ("subject", "size")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    subject: str
    size: int
    def __init__(self, subject: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class PiiAsk(_message.Message):
    __slots__ = ("policy", "conversation_id")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    policy: str
    conversation_id: str
    def __init__(self, policy: _Optional[str] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class RoutingAsk(_message.Message):
    __slots__ = ("model_pool", "optimize", "task")
    MODEL_POOL_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    model_pool: _containers.RepeatedScalarFieldContainer[str]
    optimize: str
    task: str
    def __init__(self, model_pool: _Optional[_Iterable[str]] = ..., optimize: _Optional[str] = ..., task: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("task", "complexity", "confidence", "model", "time_ns", "optimize", "fit", "expected_nano", "reason", "fallbacks", "considered", "version", "propensity")
    TASK_FIELD_NUMBER: _ClassVar[int]
    COMPLEXITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_NANO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    CONSIDERED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    task: str
    complexity: str
    confidence: float
    model: str
    time_ns: int
    optimize: str
    fit: float
    expected_nano: int
    reason: str
    fallbacks: _containers.RepeatedScalarFieldContainer[str]
    considered: int
    version: str
    propensity: float
    def __init__(self, task: _Optional[str] = ..., complexity: _Optional[str] = ..., confidence: _Optional[float] = ..., model: _Optional[str] = ..., time_ns: _Optional[int] = ..., optimize: _Optional[str] = ..., fit: _Optional[float] = ..., expected_nano: _Optional[int] = ..., reason: _Optional[str] = ..., fallbacks: _Optional[_Iterable[str]] = ..., considered: _Optional[int] = ..., version: _Optional[str] = ..., propensity: _Optional[float] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("route_id", "egress")
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    route_id: str
    egress: str
    def __init__(self, route_id: _Optional[str] = ..., egress: _Optional[str] = ...) -> None: ...

class Try(_message.Message):
    __slots__ = ("attempt", "route_id", "code", "provider_status", "total_ms", "sent")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_STATUS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    route_id: str
    code: str
    provider_status: int
    total_ms: int
    sent: bool
    def __init__(self, attempt: _Optional[int] = ..., route_id: _Optional[str] = ..., code: _Optional[str] = ..., provider_status: _Optional[int] = ..., total_ms: _Optional[int] = ..., sent: _Optional[bool] = ...) -> None: ...

class Hop(_message.Message):
    __slots__ = ("role", "node", "build", "place", "at_ms")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    role: str
    node: str
    build: str
    place: str
    at_ms: int
    def __init__(self, role: _Optional[str] = ..., node: _Optional[str] = ..., build: _Optional[str] = ..., place: _Optional[str] = ..., at_ms: _Optional[int] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("request_id", "tenant", "key_id", "dialect", "surface", "reply", "budget_ms", "policy", "shape", "body", "body_ref", "stream_options", "slip", "attempt", "traceparent", "received_at_ms", "salt", "request_hash", "edge", "operation", "anthropic_version", "anthropic_beta", "idempotency_key", "held_nano", "routing", "decision", "tries", "pii", "hops")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_MS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_REF_FIELD_NUMBER: _ClassVar[int]
    STREAM_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SLIP_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    ANTHROPIC_VERSION_FIELD_NUMBER: _ClassVar[int]
    ANTHROPIC_BETA_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    HELD_NANO_FIELD_NUMBER: _ClassVar[int]
    ROUTING_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    TRIES_FIELD_NUMBER: _ClassVar[int]
    PII_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    key_id: str
    dialect: Dialect
    surface: Surface
    reply: str
    budget_ms: int
    policy: Policy
    shape: Shape
    body: bytes
    body_ref: BodyRef
    stream_options: bytes
    slip: _containers.RepeatedCompositeFieldContainer[Candidate]
    attempt: int
    traceparent: str
    received_at_ms: int
    salt: bytes
    request_hash: bytes
    edge: str
    operation: Operation
    anthropic_version: str
    anthropic_beta: str
    idempotency_key: str
    held_nano: int
    routing: RoutingAsk
    decision: Decision
    tries: _containers.RepeatedCompositeFieldContainer[Try]
    pii: PiiAsk
    hops: _containers.RepeatedCompositeFieldContainer[Hop]
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., key_id: _Optional[str] = ..., dialect: _Optional[_Union[Dialect, str]] = ..., surface: _Optional[_Union[Surface, str]] = ..., reply: _Optional[str] = ..., budget_ms: _Optional[int] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., shape: _Optional[_Union[Shape, _Mapping]] = ..., body: _Optional[bytes] = ..., body_ref: _Optional[_Union[BodyRef, _Mapping]] = ..., stream_options: _Optional[bytes] = ..., slip: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., attempt: _Optional[int] = ..., traceparent: _Optional[str] = ..., received_at_ms: _Optional[int] = ..., salt: _Optional[bytes] = ..., request_hash: _Optional[bytes] = ..., edge: _Optional[str] = ..., operation: _Optional[_Union[Operation, str]] = ..., anthropic_version: _Optional[str] = ..., anthropic_beta: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., held_nano: _Optional[int] = ..., routing: _Optional[_Union[RoutingAsk, _Mapping]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ..., tries: _Optional[_Iterable[_Union[Try, _Mapping]]] = ..., pii: _Optional[_Union[PiiAsk, _Mapping]] = ..., hops: _Optional[_Iterable[_Union[Hop, _Mapping]]] = ...) -> None: ...
