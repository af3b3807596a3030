"""The log: complete, bounded, without credentials."""

import json
from pathlib import Path

from services.sandbox import journal as module
from services.sandbox.journal import Journal, Outcome, shown


def open_journal(*, keep_bodies: bool = True, file: Path | None = None) -> Journal:
    return Journal(monotonic=lambda: 1.5, unix=lambda: 2.5, boot="b00t", keep_bodies=keep_bodies, file=file)


def test_a_request_is_there_before_its_body() -> None:
    journal = open_journal()
    entry = journal.begin("POST", "/openai/v1/chat/completions", [(b"X-NI-Egress-Id", b"0123456789abcdef")])
    (seen,) = journal.after(0, 10)
    assert (seen["seq"], seen["outcome"], seen["egress_id"], seen["body"]) == (1, "running", "0123456789abcdef", None)
    journal.received(entry, b'{"a":1}')
    journal.end(entry, Outcome.ANSWERED)
    journal.end(entry, Outcome.CLIENT_GONE)
    (seen,) = journal.after(0, 10)
    assert (seen["outcome"], seen["body"], seen["ended_at"]["unix_ms"]) == ("answered", '{"a":1}', 2500)


def test_no_credential_is_kept() -> None:
    journal = open_journal()
    given = [(b"Authorization", b"Bearer hunter2"), (b"API-Key", b"hunter2"), (b"X-Amz-Security-Token", b"hunter2")]
    seen = shown(journal.begin("POST", "/", given))
    assert "hunter2" not in json.dumps(seen)
    assert all(value.startswith("sha256:") for value in seen["headers"].values())


def test_readers_go_on_where_they_stopped() -> None:
    journal = open_journal()
    for _ in range(5):
        journal.begin("GET", "/", [])
    assert [e["seq"] for e in journal.after(2, 2)] == [3, 4]
    assert list(journal.after(5, 2)) == []
    journal.clear()
    journal.begin("GET", "/", [])
    assert [e["seq"] for e in journal.after(0, 9)] == [6]


def test_bodies_are_kept_in_part_or_not_at_all() -> None:
    whole = b"x" * (module.BODY_BYTES + 1)
    for keep, length in ((True, module.BODY_BYTES), (False, None)):
        journal = open_journal(keep_bodies=keep)
        journal.received(journal.begin("POST", "/", []), whole)
        (seen,) = journal.after(0, 1)
        assert (None if seen["body"] is None else len(seen["body"])) == length
        assert seen["body_sha256"]


def test_old_details_make_room_for_new_ones() -> None:
    journal = open_journal()
    rounds = module.DETAIL_BYTES // module.BODY_BYTES + 3
    for _ in range(rounds):
        journal.received(journal.begin("POST", "/", [(b"a", b"b")]), bytes(module.BODY_BYTES))
    seen = list(journal.after(0, rounds))
    assert len(seen) == rounds
    assert seen[0]["body"] is None
    assert seen[-1]["body"] is not None
    assert sum(len(e["body"] or "") for e in seen) <= module.DETAIL_BYTES


def test_the_file_has_one_line_for_each_request_over_restarts(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    for body in (b"one", b"two"):
        with open_journal(file=file) as journal:
            journal.received(journal.begin("POST", "/x", [(b"x-ni-egress-id", b"id")]), body)
            journal.received(journal.begin("POST", "/y", []), b"")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["seq"], line["path"], line["egress_id"]) for line in lines] == [(1, "/x", "id"), (2, "/y", "")] * 2
    assert lines[0]["body_sha256"] != lines[2]["body_sha256"]
