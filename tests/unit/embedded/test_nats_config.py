"""The broker's configuration: loopback, durable, and nothing allowed that the catalogue does not grant."""

from pathlib import Path

import pytest

from libs.contracts.subjects import SERVICES, answers, permissions
from libs.embedded.nats_config import render, users

KEYS = {service: f"U{service.upper()}" for service in SERVICES}


@pytest.fixture
def text() -> str:
    return render(port=4333, monitor_port=8333, store=Path('/a "b"'), store_bytes=123, public_keys=KEYS)


def test_it_listens_on_loopback_and_syncs_always(text: str) -> None:
    assert 'listen: "127.0.0.1:4333"' in text
    assert 'http: "127.0.0.1:8333"' in text
    assert "sync_interval: always" in text
    assert "max_payload: 1MB" in text
    assert "max_file_store: 123" in text


def test_a_path_cannot_end_its_string(text: str) -> None:
    assert 'store_dir: "/a \\"b\\""' in text


def test_every_service_is_a_user_with_its_own_lists(text: str) -> None:
    for service in SERVICES:
        block = text.split(f"nkey: {KEYS[service]}\n")[1].split("nkey:", maxsplit=1)[0]
        for subject in (*permissions(service).publish, *permissions(service).subscribe):
            assert f'"{subject}"' in block
    assert text.count("nkey:") == len(SERVICES)


def test_who_answers_may_answer_and_nobody_else() -> None:
    assert [service for service in SERVICES if answers(service)] == [
        *("ingress", "pii", "router", "billing", "custody", "accounts")
    ]
    assert "allow_responses" not in users({"worker": "UW", "operator": "UO"})
