"""The faults that tests of the ledger must find: what stands in a file once, and what is planted there instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: what stands in a file once, and what stands there instead. `says` completes "the ledger that …"."""

    says: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "ignores holds when it holds",
        "holds.py",
        "        account.held + more <= account.balance\n        and",
        "        more <= account.balance\n        and",
    ),
    Mutant(
        "refuses the last unit",
        "holds.py",
        "        account.held + more <= account.balance\n        and",
        "        account.held + more < account.balance\n        and",
    ),
    Mutant(
        "asks who wants all there is to pay", "holds.py", "if alone > account.balance", "if alone >= account.balance"
    ),
    Mutant(
        "lets one unit too many through",
        "holds.py",
        "        account.held + more <= account.balance\n        and",
        "        account.held + more <= account.balance + 1\n        and",
    ),
    Mutant(
        "asks those who only have to wait to pay",
        "holds.py",
        "if alone > account.balance",
        "if alone + account.held > account.balance",
    ),
    Mutant("ignores what is spent of a cap", "holds.py", "spending.spent + alone > limit", "alone > limit"),
    Mutant(
        "ignores what is held of a cap",
        "holds.py",
        "daily.spent + daily.held + more <= cap",
        "daily.spent + more <= cap",
    ),
    Mutant(
        "ignores what is held of a budget",
        "holds.py",
        "monthly.spent + monthly.held + more <= budget",
        "monthly.spent + more <= budget",
    ),
    Mutant("names the wrong limit", "holds.py", "DAY_CAP if over_cap else MONTH_BUDGET", "DAY_CAP"),
    Mutant("holds a cap against the account", "holds.py", "((cap, daily, DAY_CAP)", "((cap, monthly, DAY_CAP)"),
    Mutant(
        "forgets what the request holds already",
        "holds.py",
        "request.account, request.held + more",
        "request.account, more",
    ),
    Mutant("extends a closed hold", "holds.py", " or request.standing is not Standing.OPEN:", ":"),
    Mutant(
        "extends another account's hold",
        "holds.py",
        "if request is None or request.account is not account or",
        "if request is None or",
    ),
    Mutant(
        "cuts a hold short by extending it",
        "holds.py",
        "if op.expires_at_ms > request.due_at_ms:",
        "if op.expires_at_ms:",
    ),
    Mutant(
        "forgets to plan an extended hold's end",
        "holds.py",
        "        state.plan(op.expires_at_ms, op.request_id, is_op=False)\n",
        "",
    ),
    Mutant("voids what is settled", "holds.py", "{Standing.SETTLED, Standing.VOIDED}", "{Standing.VOIDED}"),
    Mutant(
        "loses a void that overtakes its hold",
        "holds.py",
        "        state.requests[op.request_id] = request\n    elif",
        "        return done(account, EFFECT_NONE)\n    elif",
    ),
    Mutant("does not record an idempotency key", "holds.py", "state.claims[account.id, claim] = request_id", "pass"),
    Mutant(
        "keeps an idempotency key too long",
        "holds.py",
        "state.requests[first].at_ms < DAY_MS",
        "state.requests[first].at_ms <= DAY_MS",
    ),
    Mutant(
        "holds twice for a request",
        "holds.py",
        "if (known := state.requests.get(request_id)) is not None:",
        "if (known := state.requests.get(request_id)) is not None and known.standing is not Standing.OPEN:",
    ),
    Mutant(
        "settles a request twice",
        "settlement.py",
        "if request.standing is Standing.SETTLED:",
        "if request.standing is Standing.VOIDED and not op.stream_seq:",
    ),
    Mutant(
        "reads a fact at its position again",
        "settlement.py",
        "op.stream_seq <= state.stream_seq",
        "op.stream_seq < state.stream_seq",
    ),
    Mutant(
        "reads old facts again",
        "settlement.py",
        "if op.stream_seq <= state.stream_seq:",
        "if op.stream_seq == state.stream_seq:",
    ),
    Mutant(
        "gives late work away",
        "settlement.py",
        "return _charge(state, request_id, request, op, EFFECT_LATE, 0)",
        "return done(account, EFFECT_LATE)",
    ),
    Mutant("calls late work timely", "settlement.py", "op, EFFECT_LATE, 0)", "op, EFFECT_SETTLED, 0)"),
    Mutant(
        "gives work without a hold away",
        "settlement.py",
        "        return _unheld(state, account, op)\n",
        "        return done(account, EFFECT_UNHELD)\n",
    ),
    Mutant(
        "charges what it may have forgotten",
        "settlement.py",
        "issued_at_ms(op.request_id) < state.now_ms - YOUNG_MS",
        "issued_at_ms(op.request_id) < 0",
    ),
    Mutant(
        "keeps the hold when it settles",
        "settlement.py",
        "        give_back(state, request)\n        return _charge",
        "        return _charge",
    ),
    Mutant("takes the fee and books it nowhere", "settlement.py", "    account.books.fees += fee\n", ""),
    Mutant(
        "does not count the fee as spent",
        "settlement.py",
        "request.daily.spent += total",
        "request.daily.spent += amount",
    ),
    Mutant("does not count the month", "settlement.py", "    request.monthly.spent += total\n", ""),
    Mutant(
        "caps the charge at the hold",
        "settlement.py",
        "    total = amount + fee\n",
        "    amount = min(amount, held) if held else amount\n    total = amount + fee\n",
    ),
    Mutant("does not count the overrun", "settlement.py", "    account.excess += overrun\n", ""),
    Mutant(
        "keeps the key of who was not charged",
        "settlement.py",
        "    if not total:\n        unclaim",
        "    if False:\n        unclaim",
    ),
    Mutant(
        "frees the key of who was charged",
        "settlement.py",
        "    if not total:\n        unclaim",
        "    if True:\n        unclaim",
    ),
    Mutant("moves another account's money", "settlement.py", "if request.account is not account:", "if False:"),
    Mutant(
        "answers a repeated operation anew",
        "apply.py",
        "    if answer is not None:",
        "    if answer is not None and answer[0] != digest:",
    ),
    Mutant("repeats an answer whatever the content", "apply.py", "if content != digest:", "if False:"),
    Mutant(
        "forgets refusals",
        "apply.py",
        "    state.answers[op_id] = (digest",
        "    if result.code:\n        return result\n    state.answers[op_id] = (digest",
    ),
    Mutant(
        "lets holds run out too late",
        "memory.py",
        "state.due[0][0] > state.now_ms:",
        "state.due[0][0] >= state.now_ms:",
    ),
    Mutant(
        "lets extended holds run out",
        "memory.py",
        "if request is None or request.due_at_ms != at_ms:",
        "if request is None:",
    ),
    Mutant("turns its clock back", "memory.py", "max(state.now_ms, op.now_ms)", "op.now_ms"),
    Mutant(
        "forgets a hold that ran out", "memory.py", "        kept_ms = UNSETTLED_MS\n", "        kept_ms = SOON_MS\n"
    ),
    Mutant("forgets an idempotency key", "memory.py", "        kept_ms = DAY_MS\n", "        kept_ms = SOON_MS\n"),
    Mutant("forgets everything at its first time", "memory.py", "if state.now_ms == 0 and op.now_ms > 0:", "if False:"),
    Mutant(
        "leaves operations behind",
        "memory.py",
        "    for op_id in request.op_ids:\n        del state.answers[op_id]\n",
        "",
    ),
    Mutant("drops counters that still count", "memory.py", " and key not in needed]", "]"),
    Mutant(
        "miscounts open holds",
        "memory.py",
        "state.open_by_key[request.key_id] - 1",
        "state.open_by_key[request.key_id]",
    ),
    Mutant("creates money", "accounts.py", "    account.books.cash -= op.amount_nano\n", ""),
    Mutant("deducts what is held", "accounts.py", "if left < account.held:", "if False:"),
    Mutant("deducts what is not there", "accounts.py", "if left < 0:", "if left < -1:"),
    Mutant("follows any history", "chain.py", "if batch.prev_hash != head.hash:", "if False:"),
    Mutant("does not see a gap", "chain.py", "if batch.first_op != head.ops:", "if False:"),
    Mutant("does not check results", "chain.py", "!= said:", "is None:"),
    Mutant("does not advance in the stream", "chain.py", "    state.stream_seq = batch.stream_seq\n", ""),
    Mutant("lets an old owner write", "chain.py", "if epoch < state.epoch:", "if False:"),
    Mutant("does not look at the seal", "seal.py", " or sha256(body).digest() != said:", ":"),
    Mutant("loses a cap in a snapshot", "snapshot.py", "        cap_nano=request.cap,\n", ""),
    Mutant(
        "loses idempotency keys in a snapshot",
        "snapshot.py",
        "for r in snapshot.requests if r.claims_key",
        "for r in snapshot.requests if False",
    ),
    Mutant(
        "lets a minute see one more",
        "limits.py",
        "window.requests >= limits.requests",
        "window.requests > limits.requests",
    ),
    Mutant(
        "lets a minute end early",
        "limits.py",
        "now_ms - now_ms % -SLOT_MS + WINDOW_MS",
        "now_ms - now_ms % SLOT_MS + WINDOW_MS",
    ),
    Mutant("counts what it refuses", "limits.py", "if refused is None:", "if refused is None or True:"),
    Mutant(
        "never empties its window",
        "limits.py",
        "self.slots[0].until_ms <= now_ms",
        "self.slots[0].until_ms < now_ms - 1",
    ),
)
