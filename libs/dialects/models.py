"""What a model takes of a request, whatever format it is asked in; the values come from the catalogue."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFlags:
    """`sampling`: temperature and top_p, one of the two at a time, or neither (nor top_k).

    `thinking`: how it is asked for, or `none`. `always_thinks`: it cannot be switched off. `least_thinking`: the
    smallest budget that is taken, in tokens, where thinking is on. `structured`: JSON schemas are kept to. `prefill`:
    the last turn may be the assistant's. `vision`: images. `cache_points`: on Converse, no Claude yet takes marks of
    what to cache (Claudes do anyway). `forced`: what a model on Converse can be made to call: a tool by its name, any
    of them, or none. `error_results`: there, a tool's result can be marked as an error. `results_alone`: there, nothing
    else stands in a turn with results. `legacy_max_tokens`: an OpenAI-compatible server that knows `max_tokens` alone.
    """

    claude: bool = False
    sampling: Literal["both", "one", "none"] = "both"
    thinking: Literal["none", "budget", "adaptive", "level", "effort"] = "none"
    always_thinks: bool = False
    least_thinking: int = 0
    structured: bool = True
    prefill: bool = True
    vision: bool = True
    cache_points: bool = False
    forced: Literal["named", "any", "none"] = "named"
    error_results: bool = True
    results_alone: bool = False
    legacy_max_tokens: bool = False
    default_max_tokens: int = 8192
    max_output_tokens: int = 0  # 0: unknown
