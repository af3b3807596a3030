"""Whatever a caller asks in either dialect means the same to every provider, or is named as dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from libs.dialects.anthropic_messages import outgoing as anthropic_outgoing
from libs.dialects.anthropic_messages import request as anthropic_request
from libs.dialects.bedrock_converse import request as converse_request
from libs.dialects.form import Request, Written
from libs.dialects.gemini import outgoing as gemini_outgoing
from libs.dialects.models import ModelFlags
from libs.dialects.openai_chat import outgoing as openai_outgoing
from libs.dialects.openai_chat import request as openai_request
from tests.support import request_meaning
from tests.support.dialect_strategies import requests
from tests.support.request_meaning import Meaning, meaning, without_error_flags
from tests.unit.dialects.bedrock_converse.judge import judged as judged_by_botocore
from tests.unit.dialects.gemini.judge import judged as judged_by_genai

EXAMPLES = 40


@dataclass(frozen=True, kw_only=True)
class Format:
    """`read`: what a body means; `flags` are those of a model that thinks."""

    write: Callable[[Request, ModelFlags], Written]
    read: Callable[[dict[str, Any]], Meaning]
    flags: ModelFlags
    judge: Callable[[Written], Written] = lambda written: written
    error_flags: bool = True


FORMATS = {
    "openai": Format(
        write=openai_outgoing.write_request,
        read=lambda body: meaning(openai_request.read_request(body)),
        flags=ModelFlags(thinking="effort"),
        error_flags=False,
    ),
    "anthropic": Format(
        write=anthropic_outgoing.write_request,
        read=lambda body: meaning(anthropic_request.read_request(body)),
        flags=ModelFlags(claude=True, thinking="adaptive"),
    ),
    "converse": Format(
        write=converse_request.write_request,
        read=request_meaning.converse,
        flags=ModelFlags(claude=True, thinking="adaptive"),
        judge=judged_by_botocore,
    ),
    "gemini": Format(
        write=gemini_outgoing.write_request,
        read=request_meaning.gemini,
        flags=ModelFlags(thinking="level"),
        judge=judged_by_genai,
    ),
}
CALLERS = {"openai": openai_request.read_request, "anthropic": anthropic_request.read_request}
# What a dropped member leaves behind.
UNASKED: Meaning = {"temperature": None, "top_p": None, "thinking": "", "parallel_tool_calls": True}


def asked(request: Request, caller: str) -> Request:
    """As a caller of that dialect writes it, and it is read. A caller may ask for sampling and for thoughts at once."""
    thinks = request.thinking.kind == "on"
    flags = FORMATS[caller].flags if thinks else ModelFlags()
    sampling = {"temperature": request.temperature, "top_p": request.top_p}
    return CALLERS[caller](orjson.loads(FORMATS[caller].write(request, flags).serialised()) | sampling)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("provider", FORMATS)
@settings(max_examples=EXAMPLES)
@given(request=requests())
def test_a_request_means_the_same_to_every_provider(caller: str, provider: str, request: Request) -> None:
    given_ = asked(request, caller)
    target = FORMATS[provider]
    written = target.judge(target.write(given_, target.flags))
    expected = meaning(given_)
    for name in written.dropped:
        member = "thinking" if name == "reasoning_effort" else name
        assert expected[member] != UNASKED[member], "dropped, and yet not asked for"
        expected[member] = UNASKED[member]
    if not target.error_flags:
        expected = without_error_flags(expected)
    assert target.read(orjson.loads(written.serialised())) == expected


@settings(max_examples=EXAMPLES)
@given(request=requests())
def test_a_request_that_went_through_both_dialects_asks_for_the_same(request: Request) -> None:
    """OpenAI to Anthropic and back again: a second round changes nothing."""
    first = asked(asked(request, "openai"), "anthropic")
    again = asked(asked(first, "openai"), "anthropic")
    assert meaning(again) == meaning(first)
    assert without_error_flags(meaning(first))["turns"] == without_error_flags(meaning(request))["turns"]
