"""`ni custody`: receipts verified with no network, logs watched, and every tampering told by its name and exit code."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.custody.outcomes import CANNOT, EXIT_CODES
from libs.tlog.policy import Policy
from libs.tlog.receipt import Receipt
from libs.tlog.refusals import Reason
from tests.unit.cli.custody.conftest import SEALED, Run, seen
from tests.unit.tlog.sealed import MINE, OTHERS, PROMISES, REQUEST, SIZE, WORKER, WORKER_KEY, SealedLog
from tests.unit.tlog.tampering import ID, LOGS, RECEIPTS, Case


def receipt_of(root: Path) -> Sequence[object]:
    compared = ("--id", ID, "--request", root / "request", "--response", root / "response")
    return ("verify", root / "receipt", "--policy", root / "policy", *compared)


def log_of(root: Path) -> Sequence[object]:
    return ("monitor", root / "log", "--policy", root / "policy", "--state", seen(root), "--once", "--whole")


def test_every_reason_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Reason)
    assert len(set(EXIT_CODES.values())) == len(Reason)
    assert min(EXIT_CODES.values()) >= 10


def test_a_receipt_is_verified_with_the_callers_files(root: Path, ni: Run) -> None:
    code, said = ni(*receipt_of(root))
    assert (code, said["ok"], said["request_id"], said["index"], said["size"]) == (0, True, ID, MINE, SIZE)
    assert (said["request"], said["response"], set(said["witnesses"])) == ("same", "same", {"w0", "w1"})


def test_without_files_a_key_is_enough(root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ni("verify", root / "receipt", "--key", SEALED.key)[1]["request"] is None
    monkeypatch.setenv("NI_CUSTODY_KEY", SEALED.key)
    assert ni("verify", root / "receipt")[0] == 0
    monkeypatch.setenv("NI_CUSTODY_POLICY", str(root / "policy"))
    assert set(ni("verify", root / "receipt")[1]["witnesses"]) == {"w0", "w1"}


def test_a_street_on_this_machine_is_believed_about_itself(
    root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ni("verify", root / "receipt")[0] == CANNOT  # nobody said whom to believe
    (root / "secrets").mkdir()
    (root / "secrets" / "log.key").write_bytes(SEALED.log.key.private.private_bytes_raw())
    monkeypatch.setenv("NI_STATE", str(root))
    assert ni("verify", root / "receipt")[0] == EXIT_CODES[Reason.UNKNOWN_KEY]  # a street's log has another name
    monkeypatch.setenv("NI_LOG_ORIGIN", SEALED.log.key.name)
    assert ni("verify", root / "receipt")[0] == 0


def test_what_cannot_be_read_is_told_apart_from_what_is_not_believed(root: Path, ni: Run) -> None:
    assert ni("verify", root / "nothing", "--key", SEALED.key)[0] == CANNOT
    assert ni("verify", root / "receipt", "--policy", root / "nothing")[0] == CANNOT
    assert ni("verify", root / "receipt", "--key", SEALED.witnesses[0].public)[0] == EXIT_CODES[Reason.MALFORMED_KEY]


def test_people_are_told_in_sentences_that_a_terminal_cannot_obey(
    root: Path, ni: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    del ni
    hostile = SealedLog(log=SEALED.log, witnesses=SEALED.witnesses)
    hostile.log = type(SEALED.log)(key=SEALED.log.key)
    hostile.seal(bytes(32), {"request_id": "a", "route": "x\x1b]0;owned\x07\u202e"})
    (root / "receipt").write_bytes(hostile.receipt(0))
    with pytest.raises(SystemExit) as ended:
        main(["custody", "verify", str(root / "receipt"), "--key", SEALED.key])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "x�]0;owned��" in shown
    assert "\nworker                  none: the record carries no statement that a worker signed\n" in shown
    assert "not that what was stated is true" in shown


def test_a_workers_key_is_compared_with_those_that_are_trusted(
    root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = ("verify", root / "receipt", "--key", SEALED.key)
    code, said = ni(*verify)
    assert (code, said["workers"]) == (0, [{"public_key": WORKER_KEY, "known": False}])
    code, said = ni(*verify, "--worker-key", "ab" * 32, "--worker-key", WORKER_KEY)
    assert (code, said["workers"]) == (0, [{"public_key": WORKER_KEY, "known": True}])
    assert ni(*verify, "--worker-key", "ab" * 32)[0] == EXIT_CODES[Reason.UNKNOWN_KEY]
    assert ni(*verify, "--worker-key", "none")[0] == CANNOT
    monkeypatch.setenv("NI_WORKER_KEYS", "ab" * 32)
    assert ni(*verify)[0] == EXIT_CODES[Reason.UNKNOWN_KEY]
    (root / "receipt").write_bytes(SEALED.anew(bytes(32), b'{"request_id":"%b","v":1}' % ID.encode()))
    assert ni(*verify)[0] == 0  # nothing was called, so nothing was stated
    assert ni(*verify, "--worker-key", WORKER_KEY)[0] == EXIT_CODES[Reason.NOT_STATED]


def test_a_promise_is_kept_by_the_record_that_was_promised_alone(root: Path, ni: Run) -> None:
    verify = ("verify", root / "receipt", "--key", SEALED.key)
    promise, key = SEALED.promised(ID)
    assert ni(*verify, "--promise", promise, "--promise-key", key)[1]["promise"] == "kept"
    assert ni(*verify)[1]["promise"] is None
    assert ni(*verify, "--promise", promise)[0] == CANNOT  # nobody said whom to believe
    for other, reason in (
        (SEALED.promised(f"{OTHERS:016x}"), Reason.BAD_SIGNATURE),
        (SEALED.promised(ID, bytes(32)), Reason.REQUEST_DIFFERS),
        (("v=1", key), Reason.MALFORMED_PROMISE),
        ((promise, SEALED.key), Reason.UNKNOWN_KEY),
    ):
        assert ni(*verify, "--promise", other[0], "--promise-key", other[1])[0] == EXIT_CODES[reason]


def test_a_street_on_this_machine_is_believed_about_its_workers_and_promises(
    root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "secrets").mkdir()
    for name, seed in (
        ("log.key", SEALED.log.key.private.private_bytes_raw()),
        ("worker.key", WORKER.private_bytes_raw()),
        ("promise.key", PROMISES),
    ):
        (root / "secrets" / name).write_bytes(seed)
    monkeypatch.setenv("NI_STATE", str(root))
    monkeypatch.setenv("NI_LOG_ORIGIN", SEALED.log.key.name)
    code, said = ni("verify", root / "receipt", "--promise", SEALED.promised(ID)[0])
    assert (code, said["promise"], said["workers"][0]["known"]) == (0, "kept", True)
    (root / "secrets" / "worker.key").write_bytes(b"x" * 32)
    assert ni("verify", root / "receipt")[0] == EXIT_CODES[Reason.UNKNOWN_KEY]
    assert ni("verify", root / "receipt", "--key", SEALED.key)[0] == 0  # not this street's: its keys say nothing here
    (root / "secrets" / "worker.key").write_bytes(b"x")
    assert ni("verify", root / "receipt")[0] == CANNOT


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--id", EXIT_CODES[Reason.OTHER_REQUEST]),
        ("--promise", EXIT_CODES[Reason.MALFORMED_PROMISE]),
        ("--key", EXIT_CODES[Reason.MALFORMED_KEY]),
        ("--promise-key", EXIT_CODES[Reason.MALFORMED_KEY]),
        ("--worker-key", CANNOT),
        ("--request", CANNOT),
    ],
)
def test_an_option_that_a_shell_left_empty_is_never_taken_for_one_that_was_not_given(
    root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch, option: str, code: int
) -> None:
    promise, key = SEALED.promised(ID)
    monkeypatch.setenv("NI_CUSTODY_KEY", SEALED.key)
    monkeypatch.setenv("NI_PROMISE_KEY", key)
    verify = ("verify", root / "receipt", "--promise", promise)
    assert ni(*verify)[0] == 0
    assert ni(*verify, option, "")[0] == code


def test_a_file_that_never_ends_is_not_read_for_ever_nor_standard_input_twice(
    root: Path, ni: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.custody.verify._LARGEST", 1 << 20)
    assert ni("verify", "/dev/zero", "--key", SEALED.key)[0] == CANNOT
    assert ni("verify", "-", "--key", SEALED.key, "--request", "-")[0] == CANNOT
    assert ni("verify", root / "receipt", "--key", SEALED.key, "--response", "/dev/zero")[0] == CANNOT


@pytest.mark.parametrize("case", RECEIPTS, ids=lambda case: case.name)
def test_a_receipt_tampered_with_is_refused_by_name(case: Case, root: Path, ni: Run) -> None:
    case.tamper(SEALED, root)
    code, said = ni(*receipt_of(root))
    assert (said["ok"], said["reason"]) == (False, case.reason)
    assert code == said["exit_code"] == EXIT_CODES[case.reason]


@pytest.mark.parametrize("case", LOGS, ids=lambda case: case.name)
def test_a_log_tampered_with_is_refused_by_name(case: Case, root: Path, ni: Run) -> None:
    case.tamper(SEALED, root)
    code, said = ni(*log_of(root))
    assert (said["reason"], code) == (case.reason, EXIT_CODES[case.reason])


def run_alone(*words: object, before: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    command = [*before, sys.executable, "-m", "cli", "custody", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_verify_works_where_there_is_no_network_at_all(root: Path) -> None:
    unshare = ("unshare", "-rn")
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare(1), and a kernel that lets this user make a network namespace")
    words = [*receipt_of(root)]
    done = run_alone(*words, before=unshare)
    assert done.returncode == 0, done.stderr
    (root / "response").write_bytes((root / "response").read_bytes().replace(b"va", b"vi"))
    done = run_alone(*words, before=unshare)
    assert (done.returncode, done.stderr.split(": ")[1]) == (42, "response_differs")


def test_verify_imports_nothing_that_opens_sockets(root: Path) -> None:
    program = (
        "import sys\nfrom cli.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(sorted({'socket', '_socket', 'ssl', 'asyncio', 'aiohttp', 'http'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "custody", *map(str, receipt_of(root))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_verifying_takes_less_than_five_milliseconds() -> None:
    raw, policy = SEALED.receipt(MINE), Policy.read(SEALED.policy)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        receipt = Receipt.read(raw)
        receipt.verify(policy)
        receipt.has_request(REQUEST)
        took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.005
