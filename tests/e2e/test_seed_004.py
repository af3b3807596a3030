"""The inference guide: each of its commands, as a reader pastes it, does what the guide says."""

import json
from pathlib import Path

import pytest

from tests.e2e.guide import Guide
from tests.support.street import Street

pytestmark = pytest.mark.street


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    return Guide(file="inference.md", street=street, folder=tmp_path)


async def test_a_chat_completion_has_the_shape_of_the_guide_and_names_the_model_asked_for(guide: Guide) -> None:
    answer = json.loads(await guide.run("Chat completions"))
    assert answer["id"].startswith("chatcmpl-")
    assert answer["object"] == "chat.completion"
    assert isinstance(answer["created"], int)
    assert answer["model"] == "Qwen/Qwen3-14B"
    (choice,) = answer["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert choice["message"]["role"] == "assistant"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_the_models_are_listed_without_a_key(guide: Guide) -> None:
    body = json.loads(await guide.run("Models"))
    assert body["object"] == "list"
    listed = {model["id"]: model for model in body["data"]}
    for name in ("Qwen/Qwen3-14B", "Qwen/Qwen3-32B"):
        assert (listed[name]["object"], listed[name]["owned_by"]) == ("model", "inferbase")


async def test_a_model_that_can_be_called_is_ready(guide: Guide) -> None:
    assert json.loads(await guide.run("Is a model ready?")) == {"model": "Qwen/Qwen3-14B", "status": "ready"}
