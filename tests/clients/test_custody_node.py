"""The verifier in JavaScript, from the specifications alone: it agrees with ours on every receipt, log and forgery."""

import base64
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from cli.custody.outcomes import CANNOT, EXIT_CODES
from libs.tlog.note import VerifierKey
from libs.tlog.policy import Policy
from libs.tlog.proof import Proof
from libs.tlog.receipt import Receipt, extra
from libs.tlog.refusals import Reason, Refused
from tests.unit.tlog.sealed import LATE, MINE, OTHERS, SEEN, SIZE, WORKER_KEY, SealedLog
from tests.unit.tlog.tampering import ID, LOGS, RECEIPTS, Case

VERIFIER = Path(__file__).parents[2] / "docs" / "verify" / "verify.mjs"
SEALED = SealedLog.of()
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20 or later (https://nodejs.org)")

# Reads lines of {"policy": text} or {"receipt": base64}, answers each with "ok" or the reason.
MANY = """
import { readFileSync } from "node:fs";
const { policyOf, readPolicy, verifyReceipt } = await import(process.argv[2]);
const policy = await policyOf(process.argv[3]);
for (const line of readFileSync(0, "utf8").trimEnd().split("\\n")) {
  const said = JSON.parse(line);
  try {
    if (said.policy !== undefined) await readPolicy(said.policy);
    else await verifyReceipt(new Uint8Array(Buffer.from(said.receipt, "base64")), policy);
    console.log("ok");
  } catch (error) {
    console.log(error.reason ?? error.stack.replaceAll("\\n", " "));
  }
}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sealed")
    SEALED.write(root)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path


def node(*words: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["node", *map(str, words)], capture_output=True, check=False, timeout=60)


def verified(root: Path, case: Case | None = None, *, of_log: bool = False) -> "subprocess.CompletedProcess[bytes]":
    trusted = ("--policy", root / "policy", "--json")
    if of_log or (case and case.of_log):
        return node(VERIFIER, "--log", root / "log", "--seen", root / "seen", *trusted)
    files = ("--id", ID, "--request", root / "request", "--response", root / "response")
    return node(VERIFIER, root / "receipt", *files, *trusted)


def test_its_exit_codes_are_those_of_ni() -> None:
    found = dict(re.findall(r"(\w+): (\d+)", VERIFIER.read_text().split("EXIT_CODES", 1)[1].split("})", 1)[0]))
    assert found == {str(r): str(code) for r, code in EXIT_CODES.items() if r is not Reason.SILENT}  # it waits for none


@pytest.mark.parametrize("index", [0, MINE, 255, LATE, SIZE - 1])
def test_a_receipt_is_verified_with_the_callers_files(index: int, root: Path) -> None:
    (root / "receipt").write_bytes(SEALED.receipt(index))
    done = node(
        VERIFIER,
        *(root / "receipt", "--policy", root / "policy", "--json"),
        *("--request", root / "request", "--response", root / "response"),
    )
    said = orjson.loads(done.stdout)
    believed = Receipt.read(SEALED.receipt(index)).verify(Policy.read(SEALED.policy))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (said["origin"], said["index"], said["size"]) == (believed.origin, believed.index, believed.size)
    assert (said["witnesses"], said["request"], said["response"]) == (dict(believed.witnesses), "same", "same")
    assert said["record"] == orjson.loads(SEALED.sealed[index][1])


def test_workers_keys_and_promises_are_compared_as_ni_does(root: Path) -> None:
    promise, key = SEALED.promised(ID)
    trusted = (VERIFIER, root / "receipt", "--key", SEALED.key, "--json")
    done = node(*trusted, "--worker-key", WORKER_KEY, "--promise", promise, "--promise-key", key)
    said = orjson.loads(done.stdout)
    assert (said["promise"], said["workers"]) == ("kept", [{"public_key": WORKER_KEY, "known": True}])
    assert orjson.loads(node(*trusted).stdout)["workers"] == [{"public_key": WORKER_KEY, "known": False}]
    assert node(*trusted, "--promise", promise).returncode == CANNOT
    for words, reason in (
        (("--worker-key", "ab" * 32), Reason.UNKNOWN_KEY),
        (("--promise", SEALED.promised(f"{OTHERS:016x}")[0], "--promise-key", key), Reason.BAD_SIGNATURE),
        (("--promise", SEALED.promised(ID, bytes(32))[0], "--promise-key", key), Reason.REQUEST_DIFFERS),
        (("--promise", "v=1", "--promise-key", key), Reason.MALFORMED_PROMISE),
        (("--promise", promise, "--promise-key", SEALED.key), Reason.UNKNOWN_KEY),
    ):
        done = node(*trusted, *words)
        assert (orjson.loads(done.stdout)["reason"], done.returncode) == (reason, EXIT_CODES[reason])


def test_an_id_that_a_shell_left_empty_is_not_taken_for_one_that_was_not_given(root: Path) -> None:
    trusted = ("--key", SEALED.key)
    assert node(VERIFIER, root / "receipt", *trusted).returncode == 0
    for option, reason in (("--id", Reason.OTHER_REQUEST), ("--promise", Reason.MALFORMED_PROMISE)):
        done = node(VERIFIER, root / "receipt", *trusted, option, "", "--promise-key", SEALED.promised(ID)[1])
        assert done.returncode == EXIT_CODES[reason]


def test_a_log_is_verified_whole(root: Path) -> None:
    done = verified(root, of_log=True)
    said = orjson.loads(done.stdout)
    assert (done.returncode, said["size"], said["before"]) == (0, SIZE, SEEN)


@pytest.mark.parametrize("case", [*RECEIPTS, *LOGS], ids=lambda case: case.name)
def test_what_was_tampered_with_is_refused_by_the_same_name(case: Case, root: Path) -> None:
    case.tamper(SEALED, root)
    done = verified(root, case)
    assert orjson.loads(done.stdout)["reason"] == case.reason
    assert done.returncode == EXIT_CODES[case.reason]


def test_it_names_no_file_that_is_not_there(root: Path) -> None:
    done = node(VERIFIER, root / "nothing", "--key", SEALED.key)
    assert (done.returncode, done.stdout) == (2, b"")


def agreed(tmp_path: Path, key: str, said: Sequence[dict[str, str]], ours: Sequence[str]) -> None:
    program = tmp_path / "many.mjs"
    program.write_text(MANY)
    lines = b"\n".join(map(orjson.dumps, said))
    done = subprocess.run(
        ["node", "--no-warnings", str(program), VERIFIER.as_uri(), key],
        input=lines,
        capture_output=True,
        check=True,
        timeout=120,
    )
    theirs = done.stdout.decode().splitlines()
    differing = [(one, a, b) for one, a, b in zip(said, ours, theirs, strict=True) if a != b]
    assert not differing


def judged(raw: bytes, policy: Policy) -> str:
    try:
        Receipt.read(raw).verify(policy)
    except Refused as refused:
        return refused.reason
    return "ok"


def mutations(raw: bytes, count: int) -> list[bytes]:
    chance = random.Random(11)
    found = [raw]
    while len(found) < count:
        at, to = sorted((chance.randrange(len(raw)), chance.randrange(len(raw))))
        piece = chance.choice([b"", b"\n", b" ", b"=", b"0", b"\x00", "—".encode(), b"\xc3", b"\r", b"A", raw[at:to]])
        where = chance.randrange(len(raw))
        kind = chance.randrange(4)
        if kind == 0:
            found.append(raw[:where] + bytes([chance.randrange(256)]) + raw[where + 1 :])
        elif kind == 1:
            found.append(raw[:where] + piece + raw[where:])
        elif kind == 2:
            found.append(raw[:at] + raw[to:])
        else:
            lines = raw.split(b"\n")
            lines[chance.randrange(len(lines))] = chance.choice(lines)
            found.append(b"\n".join(lines))
    return found


def test_both_judge_a_thousand_damaged_receipts_alike(tmp_path: Path) -> None:
    policy = Policy(logs=[VerifierKey.read(SEALED.key)])
    raws = mutations(SEALED.receipt(MINE), 1000)
    ours = [judged(raw, policy) for raw in raws]
    assert {"ok", "malformed_proof", "malformed_note", "bad_signature", "not_included"} <= set(ours)
    agreed(tmp_path, SEALED.key, [{"receipt": base64.b64encode(raw).decode()} for raw in raws], ours)


RECORDS = [
    "{}",
    "[]",
    "null",
    "1",
    "",
    "{",
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{"a": 1}',
    '{"a":1.0}',
    '{"a":1.5}',
    '{"a":1e2}',
    '{"a":-0}',
    '{"a":-1}',
    '{"a":9007199254740991}',
    '{"a":9007199254740992}',
    '{"a":-9007199254740993}',
    '{"a":123456789012345678901234567890}',
    '{"é":1}',
    '{"a":"é\u2028\u007f\U0001f980"}',
    '{"a":"\\u0061"}',
    '{"a":"\\ud800"}',
    '{"a":"\\n\\t\\u001f\\\\"}',
    '{"a":"\\u000A"}',
    '{"a":"\\/"}',
    '{"10":1,"9":2}',
    '{"9":2,"10":1}',
    '{"__proto__":1,"a":null}',
    '{"a":' + "[" * 30 + "]" * 30 + "}",
    '{"a":' + "[" * 31 + "]" * 31 + "}",
    '{"a":' + "[" * 32 + "]" * 32 + "}",
    '{"a":' + "[" * 900 + "]" * 900 + "}",
    '{"a":' + "[" * 5000 + "]" * 5000 + "}",
    '\ufeff{"a":1}',
    '{"a":tru}',
    '{"a":true,"b":[null,false,{}],"c":""}',
]


def test_both_read_the_same_records(tmp_path: Path) -> None:
    policy = Policy(logs=[VerifierKey.read(SEALED.key)])
    salt = SEALED.sealed[MINE][0]
    proof = Proof.read(SEALED.receipt(MINE).decode())
    raws = [
        Proof(index=proof.index, path=proof.path, checkpoint=proof.checkpoint, extra=what).text.encode()
        for what in (
            *(extra(salt, text.encode()) for text in RECORDS),
            b"[]",
            b"null",
            b"{}",
            b'{"v":1}',
            b"\xff",
            b"1",
            b'{"record":"{}","salt":["%b"],"v":1}' % (b"ab" * 32),
        )
    ]
    ours = [judged(raw, policy) for raw in raws]
    assert set(ours) == {"malformed_receipt", "not_included"}
    agreed(tmp_path, SEALED.key, [{"receipt": base64.b64encode(raw).decode()} for raw in raws], ours)


def test_both_read_the_same_policies(tmp_path: Path) -> None:
    texts = [each.decode("utf-8", "ignore") for each in mutations(SEALED.policy.encode(), 500)]
    texts.append(SEALED.policy.replace("log ", "log \ufeff", 1))
    keys = [VerifierKey(name="log.example/many", public_key=n.to_bytes(32, "big")) for n in range(300)]
    texts += [SEALED.policy + "".join(f"log {key}\n" for key in keys[:count]) for count in (251, 252)]
    ours = []
    for text in texts:
        try:
            Policy.read(text)
            ours.append("ok")
        except Refused as refused:
            ours.append(refused.reason)
    assert {"ok", "malformed_policy", "malformed_key"} == set(ours)
    agreed(tmp_path, SEALED.key, [{"policy": text} for text in texts], ours)
