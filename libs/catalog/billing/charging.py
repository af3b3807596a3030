"""What an ended call may be charged for: all of what was used, what was forwarded of it, or nothing."""

from libs.contracts.northern.v1 import facts_pb2 as stated
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.frames_pb2 import Usage

_BYTES_A_TOKEN = 4  # of text, where no better measure is known; what rests on it is marked `estimated`


def chargeable(outcome: Outcome, usage: Usage, output_bytes: int, *, text_bytes: int = 0) -> Usage:
    """The usage to bill; an empty one is free. `usage` is the provider's, as far as it went, empty where it said none.

    `output_bytes`: model output that was forwarded. `text_bytes`: of the prompt, our own measure of it. An answer is
    empty that has no output, in bytes or in tokens: a call of a tool without arguments has tokens alone. One that wrote
    the prompt into the provider's cache is not: to warm it, Anthropic's callers ask for no output at all.
    """
    match outcome:
        case stated.OUTCOME_COMPLETED if usage.output or not output_bytes:
            return usage if usage.output or _written(usage) else Usage()
        case stated.OUTCOME_COMPLETED if _prompt(usage):
            return usage
        case stated.OUTCOME_COMPLETED | stated.OUTCOME_CANCELLED | stated.OUTCOME_CUT if output_bytes:
            return _forwarded(usage, output_bytes, text_bytes)
        case stated.OUTCOME_WORKER_LOST if output_bytes:  # the rest of it is our loss
            return Usage(output=tokens_of(output_bytes), service_tier=usage.service_tier, estimated=True)
        case _:  # failed before the first byte, never sent, nothing forwarded, or an outcome that nobody stated
            return Usage()


def _forwarded(usage: Usage, output_bytes: int, text_bytes: int) -> Usage:
    """The prompt as the provider's first event counted it, else as we do; output by bytes: its count is not final."""
    counted = Usage()
    counted.CopyFrom(usage)
    if not _prompt(usage):
        counted.input = tokens_of(text_bytes)
    counted.output = tokens_of(output_bytes)
    counted.reasoning = min(usage.reasoning, counted.output)
    counted.estimated = True
    return counted


def _prompt(usage: Usage) -> int:
    return usage.input + usage.cache_read + _written(usage)


def _written(usage: Usage) -> int:
    return usage.cache_write_5m + usage.cache_write_1h


def tokens_of(size: int) -> int:
    """Tokens that so many bytes of text come to, where nobody has counted."""
    return -(-size // _BYTES_A_TOKEN)
