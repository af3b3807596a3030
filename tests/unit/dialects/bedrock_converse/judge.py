"""A request as the caller writes it, as Converse gets it: botocore's service model is the judge of what is sent."""

from functools import lru_cache
from typing import Any

import botocore.session
import orjson
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from libs.dialects.bedrock_converse.request import write_request
from libs.dialects.form import Request, Role, Text, Turn, Written
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat.request import read_request

PLAIN = ModelFlags()
NOVA = ModelFlags(cache_points=True)
GPT_OSS = ModelFlags(thinking="effort", always_thinks=True)
OLD_CLAUDE = ModelFlags(claude=True, thinking="budget", structured=False)
SONNET = ModelFlags(claude=True, sampling="one", thinking="budget")
NEWEST = ModelFlags(claude=True, sampling="none", thinking="adaptive", prefill=False)

QUESTION = Turn(role=Role.USER, parts=(Text(text="q"),))
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "description": "", "strict": True}}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b/" + "c" * 80, "type": "function", "function": {"name": "g", "arguments": ""}},
    ],
}
RESULTS = [
    {"role": "tool", "tool_call_id": "a", "content": "42"},
    {"role": "tool", "tool_call_id": "b/" + "c" * 80, "content": ""},
]


@lru_cache
def service() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def judged(written: Written) -> Written:
    shape = service().operation_model("Converse").input_shape
    assert shape is not None
    report = ParamValidator().validate({"modelId": "m", **written.body}, shape)
    assert not report.has_errors(), report.generate_report()
    orjson.dumps(written.body)
    return written


def write(*messages: object, flags: ModelFlags = PLAIN, **more: object) -> tuple[dict[str, Any], list[str]]:
    """From OpenAI's messages."""
    written = judged(write_request(read_request({"messages": list(messages), **more}), flags))
    return written.body, list(written.dropped)


def sent(*turns: Turn, flags: ModelFlags = PLAIN, **more: Any) -> Written:
    """From the form."""
    return judged(write_request(Request(turns=turns, **more), flags))
