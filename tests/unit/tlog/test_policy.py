"""Policies: what c2sp.org/tlog-policy allows is read, what it forbids is refused, and the quorum is what it says."""

from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.note import Algorithm
from libs.tlog.policy import Policy
from libs.tlog.refusals import Reason, Refused
from tests.unit.tlog.logs import Key, Log

LOG = Log.of(9)
KEYS = {name: Key(f"witness.example/{name}", Algorithm.COSIGNATURE) for name in ("x1", "x2", "x3", "y1", "y2")}
WITNESSES = "".join(f"witness {name} {key.public}\n" for name, key in KEYS.items())
HEAD = f"log {LOG.key.public}\n{WITNESSES}"
LEVELS = f"{HEAD}group X 2 x1 x2 x3\ngroup Y any y1 y2\ngroup both all X Y\nquorum both\n"


def refused(reason: Reason) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda error: error.reason is reason)


@pytest.mark.parametrize(
    ("seen", "enough"), [("x1 x2 y1", True), ("x1 x2 x3", False), ("x3 y1 y2", False), ("x2 x3 y2", True), ("", False)]
)
def test_groups_of_groups_are_counted(seen: str, enough: bool) -> None:
    note = LOG.note(None, *(KEYS[name] for name in seen.split()))
    policy = Policy.read(LEVELS)
    if enough:
        assert set(policy.open(note)[1]) == set(seen.split())
    else:
        with refused(Reason.QUORUM):
            policy.open(note)


def test_the_file_may_have_comments_blanks_tabs_and_addresses() -> None:
    witness = f"witness é {KEYS['x1'].public} https://w.example"
    text = f"\n # ours\n\tlog\t{LOG.key.public}  https://log.example/ \n{witness}\nquorum é"
    assert Policy.read(text).open(LOG.note(None, KEYS["x1"]))[0] == LOG.head()


def test_any_of_several_logs_is_believed_also_under_a_new_key() -> None:
    others = [Key("other.example/log"), Key(LOG.key.name), Key(LOG.key.name)]
    lines = "".join(f"log {key.public}\n" for key in (others[0], others[1], LOG.key, others[2]))
    policy = Policy.read(f"{lines}quorum none\n")
    assert policy.open(LOG.note())[0] == LOG.head()
    text = LOG.head().text
    assert policy.open(f"{text}\n{others[2].line(text)}")[0] == LOG.head()
    with refused(Reason.UNKNOWN_KEY):
        policy.open(f"{text}\n{Key(LOG.key.name).line(text)}")


def test_a_witness_of_the_logs_own_name_does_not_sign_for_the_log() -> None:
    twin = Key(LOG.key.name, Algorithm.COSIGNATURE)
    policy = Policy.read(f"log {LOG.key.public}\nwitness twin {twin.public}\nquorum twin\n")
    text = LOG.head().text
    with refused(Reason.UNKNOWN_KEY):
        policy.open(f"{text}\n{twin.line(text, 5)}")
    assert policy.open(f"{text}\n{LOG.key.line(text)}{twin.line(text, 5)}")[1] == {"twin": 5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none\n",
        HEAD,
        f"{HEAD}quorum none\nquorum none\n",
        f"{HEAD}quorum nobody\n",
        f"{HEAD}quorum x1 x2\n",
        f"quorum X\n{HEAD}group X any x1\n",
        f"{HEAD}group X 0 x1\nquorum X\n",
        f"{HEAD}group X 02 x1 x2\nquorum X\n",
        f"{HEAD}group X 3 x1 x2\nquorum X\n",
        f"{HEAD}group X most x1 x2\nquorum X\n",
        f"{HEAD}group X any\nquorum X\n",
        f"{HEAD}group X any x1 x1\nquorum X\n",
        f"{HEAD}group X any x1\ngroup Y any x1\nquorum Y\n",
        f"{HEAD}group X any none\nquorum X\n",
        f"{HEAD}group x1 any x2\nquorum x1\n",
        f"{HEAD}group none any x2\nquorum none\n",
        f"{HEAD}witness x1 {Key('w', Algorithm.COSIGNATURE).public}\nquorum none\n",
        f"{HEAD}witness again {KEYS['x1'].public}\nquorum none\n",
        f"{HEAD}log {LOG.key.public}\nquorum none\n",
        f"log {KEYS['x1'].public}\nquorum none\n",
        f"{HEAD}witness w {Key('w').public}\nquorum none\n",
        f"{HEAD}hello\nquorum none\n",
        f"{HEAD}quorum none\r\n",
    ],
    ids=count(1),
)
def test_what_the_specification_forbids_is_refused(text: str) -> None:
    with refused(Reason.MALFORMED_POLICY):
        Policy.read(text)


@given(st.text(max_size=80), st.sampled_from(["", "log ", "witness a ", "group g ", "quorum ", HEAD]))
def test_any_text_is_a_policy_or_refused(text: str, before: str) -> None:
    with suppress(Refused):
        Policy.read(before + text)
