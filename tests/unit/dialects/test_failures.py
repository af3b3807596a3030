"""What providers say of failures, told on as one line that can be read; too long a prompt is told as that."""

import pytest

from libs.contracts.errors import ContextTooLong, ProviderRefused
from libs.dialects.failures import clean, from_status

ANTHROPIC = "prompt is too long: 250000 tokens > 200000 maximum"
WITH_THE_ANSWER = "input length and `max_tokens` exceed context limit: 174167 + 64000 > 200000, decrease input length"
OTHERS = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "Input is too long for requested model.",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "You passed 1015 input tokens. However, the model's context length is only 1024 tokens.",
    "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
    "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
)


@pytest.mark.parametrize("said", OTHERS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_prompt_beyond_the_model_has_a_code_and_the_words_that_clients_shorten_it_on(said: str, status: int) -> None:
    error = from_status(status, said, param="messages")
    assert isinstance(error, ContextTooLong)
    assert (error.code, error.provider_status, error.param) == ("context_length_exceeded", status, "messages")
    assert error.message == f"prompt is too long: {said}"


@pytest.mark.parametrize("said", [ANTHROPIC, WITH_THE_ANSWER])
def test_anthropics_own_words_stay_alone_for_its_clients_read_the_numbers(said: str) -> None:
    error = from_status(400, said)
    assert isinstance(error, ContextTooLong)
    assert error.message == said


@pytest.mark.parametrize("said", ["Invalid 'user': string too long.", "tools.0.name: String should be shorter", ""])
def test_what_else_is_too_long_is_no_matter_of_the_prompt(said: str) -> None:
    assert type(from_status(400, said)) is ProviderRefused
    assert type(from_status(404, ANTHROPIC)) is ProviderRefused


def test_signs_that_are_not_seen_or_turn_the_text_round_are_not_told_on() -> None:
    assert clean("a\u202eb\u200b c\r\nd\x1b[31m é 😀\ud800") == "a b c d [31m é 😀"
