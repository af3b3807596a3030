"""The members of a chat completion: message, usage, log probabilities, and the answer that holds them whole."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.sandbox.domain import Answer, Finish
from services.sandbox.openai.houses import ChatAsk, House
from services.sandbox.openai.options import is_reasoning

Json = dict[str, Any]  # what goes on the wire

_FINISH = {
    Finish.END: "stop",
    Finish.LENGTH: "length",
    Finish.STOP_SEQUENCE: "stop",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSED: "stop",
}
_SAFE = {"filtered": False, "severity": "safe"}
FILTERS: Json = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
FILTERED: Json = FILTERS | {"violence": {"filtered": True, "severity": "high"}}
_LIKELY = -0.125


def completion(ask: ChatAsk, said: Answer, reply_id: str, created: int, house: House) -> bytes:
    """The body of a call that did not ask for a stream."""
    choices = []
    for i in range(ask.n):
        likely = None if ask.logprobs is None else logprobs(visible(said, house), ask.logprobs)
        choice: Json = {"index": i, "message": _message(said, reply_id, i, house), "logprobs": likely}
        choice["finish_reason"] = finish_reason(said, house)
        if house is House.AZURE:
            choice["content_filter_results"] = FILTERED if said.finish is Finish.REFUSED else FILTERS
        choices.append(choice)
    body = envelope(ask, reply_id, created, "chat.completion")
    body |= {"choices": choices, "usage": usage(ask, said, house)}
    body |= {"service_tier": "default", "system_fingerprint": "fp_sandbox"}
    if house is House.AZURE:
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": FILTERS}]
    return orjson.dumps(body)


def usage(ask: ChatAsk, said: Answer, house: House) -> Json:
    """Reasoning is part of the completion, what was cached part of the prompt."""
    totals = {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
    }
    if house is House.SELF_HOSTED:
        return totals | {"prompt_tokens_details": None}
    # Writing to the cache is reported, and has a price, for the newer models only.
    written = said.cached.written if is_reasoning(ask.model) else 0
    prompt = {"cached_tokens": said.cached.read, "cache_write_tokens": written, "audio_tokens": 0}
    return totals | {
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": len(said.thoughts) * ask.n,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def visible(said: Answer, house: House) -> Sequence[str]:
    """The tokens a caller sees: what Azure filters out, none does."""
    return () if house is House.AZURE and said.finish is Finish.REFUSED else said.pieces


def is_refusal(said: Answer, house: House) -> bool:
    """OpenAI has a member of its own for a refusal."""
    return house is House.OPENAI and said.finish is Finish.REFUSED


def finish_reason(said: Answer, house: House) -> str:
    if house is House.AZURE and said.finish is Finish.REFUSED:
        return "content_filter"
    return _FINISH[said.finish]


def logprobs(pieces: Sequence[str], alternatives: int) -> Json:
    """One entry for each token; alternatives are the token itself and others that are less likely."""
    entries = [
        _likely(piece, 0) | {"top_logprobs": [_likely(piece, rank) for rank in range(alternatives)]} for piece in pieces
    ]
    return {"content": entries, "refusal": None}


def call_id(reply_id: str, choice: int, number: int) -> str:
    return f"call_{reply_id}{choice:02x}{number:02x}"


def envelope(ask: ChatAsk, reply_id: str, created: int, kind: str) -> Json:
    return {"id": f"chatcmpl-{reply_id}", "object": kind, "created": created, "model": ask.model}


def _message(said: Answer, reply_id: str, choice: int, house: House) -> Json:
    text: str | None = "".join(visible(said, house))
    if not text and said.calls:
        text = None
    message: Json = {"role": "assistant", "content": text, "refusal": None}
    if is_refusal(said, house):
        message |= {"content": None, "refusal": text}
    if house is House.SELF_HOSTED:
        message["reasoning_content"] = said.thought or None
    if said.calls:
        message["tool_calls"] = [
            {
                "id": call_id(reply_id, choice, k),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for k, call in enumerate(said.calls)
        ]
    return message


def _likely(piece: str, rank: int) -> Json:
    token = piece if rank == 0 else f"{piece}~{rank}"
    return {"token": token, "logprob": _LIKELY - 2.0 * rank, "bytes": list(token.encode())}
