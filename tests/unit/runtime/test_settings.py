"""Settings: read once from the environment; what is wrong is said in plain sentences that never quote a value."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, SecretStr, model_validator

from libs.runtime.settings import EX_CONFIG, Settings, read


class Sample(Settings):
    egresses: tuple[str, ...] = Field(default=(), description="names")
    credential: SecretStr = Field(default=SecretStr(""), min_length=0, max_length=10)
    size: int = Field(default=1, ge=1)
    needed: str
    origin: str = Field(default="http://x", pattern=r"^https?://[^/]+$", description="an origin, such as http://x")

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if self.size == 13:
            raise ValueError("13 and nothing else does not go together")
        return self


NEEDED = {"NI_NEEDED": "x"}


def refused(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        read(Sample, NEEDED | environ)
    assert ended.value.code == EX_CONFIG == 78
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_each_field_is_its_variable_and_the_rest_of_the_environment_is_not_read() -> None:
    settings = read(Sample, NEEDED | {"NI_ADMIN_PORT": "8123", "NI_SIZE": "7", "SIZE": "9", "NI_UNKNOWN": "x"})
    assert (settings.admin_port, settings.size, settings.needed) == (8123, 7, "x")


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert read(Sample, NEEDED | {"NI_SIZE": "", "NI_NATS_SEED_FILE": ""}).nats_seed_file is None


def test_lists_are_separated_by_commas() -> None:
    assert read(Sample, NEEDED | {"NI_EGRESSES": " openai , bedrock-ca,, "}).egresses == ("openai", "bedrock-ca")


def test_paths_are_paths_and_settings_do_not_change() -> None:
    settings = read(Sample, NEEDED | {"NI_NATS_SEED_FILE": "/run/seed"})
    assert settings.nats_seed_file == Path("/run/seed")
    with pytest.raises(ValueError, match="frozen"):
        settings.size = 2


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused({"NI_NEEDED": ""}, capsys) == ["configuration: NI_NEEDED: Field required"]


def test_every_wrong_value_has_a_sentence_with_the_name_of_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused({"NI_ADMIN_PORT": "70000", "NI_SIZE": "hunter2", "NI_LOG_LEVEL": "hunter2"}, capsys)
    assert [line.split(": ")[1] for line in said] == ["NI_ADMIN_PORT", "NI_LOG_LEVEL", "NI_SIZE"]
    assert all(line.startswith("configuration: ") for line in said)


@pytest.mark.parametrize(
    "name", ["NI_SIZE", "NI_ADMIN_PORT", "NI_LOG_LEVEL", "NI_DRAIN_S", "NI_CREDENTIAL", "NI_NATS_URL_"]
)
def test_no_value_is_ever_quoted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused({name: "hunter2-hunter2", "NI_NEEDED": ""}, capsys)
    assert "hunter2" not in "".join(said)


def test_what_is_allowed_is_said_and_no_pattern_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused({"NI_ORIGIN": "nonsense", "NI_LOG_LEVEL": "loud", "NI_ADMIN_PORT": "-1"}, capsys)
    assert said == [
        "configuration: NI_ADMIN_PORT: Input should be greater than or equal to 0 (its port; 0: any free one)",
        "configuration: NI_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error' (less is left out)",
        "configuration: NI_ORIGIN: must be an origin, such as http://x",
    ]


def test_a_rule_over_several_settings_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    [said] = refused({"NI_SIZE": "13"}, capsys)
    assert said == "configuration: Value error, 13 and nothing else does not go together"
