"""The ledger in a bad world: messages lost, doubled and out of order, owners that die or come back from the dead."""

from copy import deepcopy

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.contracts.northern.v1.ledger_pb2 import Adjust, Expire, Extend, Hold, OpenAccount, Settle, TopUp, Void
from libs.ledger.apply import Operation
from libs.ledger.chain import verify
from libs.ledger.snapshot import from_bytes, to_bytes
from tests.unit.ledger.bookkeeper import Bookkeeper
from tests.unit.ledger.desk import DAY, MONTH, NOW_MS, rid
from tests.unit.ledger.world import ACCOUNTS, KEYS, Fenced, Journal, Owner

SECOND_MS = 1000
few = st.sampled_from
recent = st.integers(0, 5)
asked = st.tuples(st.integers(0, 5), few([0, 1, 20, 40, 60, 100, 101]), few([2, 5, 30]))  # which, amount, seconds


class World(RuleBasedStateMachine):
    """Time moves less than memory's shortest window, so that the bookkeeper may remember everything."""

    def __init__(self) -> None:
        super().__init__()
        self.journal, self.books = Journal(), Bookkeeper()
        self.owner = Owner(self.journal, 1)
        self.ghost: Owner | None = None
        self.network: list[Operation] = []
        self.stream: list[list[Settle]] = []  # EVENTS: messages of facts, numbered from 1
        self.now_ms = NOW_MS
        self.sent: list[str] = []  # requests
        self.account_of: dict[str, str] = {}
        self.ids = 0
        self.kept = 0

    @initialize()
    def begin(self) -> None:
        opened: list[Operation] = [OpenAccount(op_id=f"open-{a}", account=a, currency="CAD") for a in ACCOUNTS]
        seeds: list[Operation] = [TopUp(op_id=f"seed-{a}", account=a, amount_nano=100) for a in ACCOUNTS]
        self.deliver([Expire(now_ms=NOW_MS), *opened, *seeds])

    # --- what callers send ----------------------------------------------------------------------------------------

    @rule(
        account=few(ACCOUNTS),
        asks=st.lists(asked, min_size=1, max_size=4),
        limits=few([(None, None), (None, None), (60, None), (60, None), (100, 90), (None, 70)]),
        claim=few(["", "", "mine", "mine", "other"]),
        lost_on_the_way=few([True, False, False]),
    )
    def ask_for_holds(
        self,
        account: str,
        asks: list[tuple[int, int, int]],
        limits: tuple[int | None, int | None],
        claim: str,
        lost_on_the_way: bool,
    ) -> None:
        """A few at once; they arrive at once, or when the network pleases, and may arrive again."""
        holds: list[Operation] = [self.hold_for(account, limits, claim, *ask) for ask in asks]
        self.network += holds
        if not lost_on_the_way:
            self.deliver(holds)

    @precondition(lambda self: self.sent)
    @rule(
        which=recent,
        stranger=few([False, False, False, True]),
        amount=few([0, 1, 20, 60]),
        wait=few([0, 3]),
        give_up=st.booleans(),
        lost_on_the_way=st.booleans(),
    )
    def extend_or_give_up(
        self, which: int, stranger: bool, amount: int, wait: int, give_up: bool, lost_on_the_way: bool
    ) -> None:
        """For its own account, or (once it is held) for another's."""
        request_id = self.sent[-1 - which % len(self.sent)]
        account = self.account_of[request_id]
        if stranger and request_id in self.books.hold_of:
            account = ACCOUNTS[1 - ACCOUNTS.index(account)]
        op: Operation = Void(op_id=self.op_id(), account=account, request_id=request_id)
        if not give_up:
            until_ms = self.now_ms + wait * SECOND_MS
            op = Extend(op_id=self.op_id(), account=account, request_id=request_id, expires_at_ms=until_ms)
            op.amount_nano = amount
        self.network.append(op)
        if not lost_on_the_way:
            self.deliver([op])

    @rule(account=few(ACCOUNTS), amount=st.integers(-80, 80))
    def bring_or_correct_money(self, account: str, amount: int) -> None:
        op: Operation = Adjust(op_id=self.op_id(), account=account, amount_nano=amount)
        if amount > 40:
            op = TopUp(op_id=self.op_id(), account=account, amount_nano=amount - 40)
        self.network.append(op)
        self.deliver([op])

    @precondition(lambda self: self.network)
    @rule(which=recent, amount=few([0, 1, 20, 60]))
    def reuse_an_operation_s_id(self, which: int, amount: int) -> None:
        op = self.network[-1 - which % len(self.network)]
        if isinstance(op, Hold | Extend):
            other = deepcopy(op)
            other.amount_nano = amount
            self.deliver([other])

    # --- what the stream of facts says ----------------------------------------------------------------------------

    @precondition(lambda self: self.sent)
    @rule(
        facts=st.lists(st.tuples(recent, few([0, 1, 20, 60, 90]), few([0, 0, 3])), min_size=1, max_size=3),
        reading=st.booleans(),
    )
    def requests_finish(self, facts: list[tuple[int, int, int]], reading: bool) -> None:
        """Once, or more than once and saying otherwise; read now or later."""
        message = []
        for which, amount, fee in facts:
            request_id = self.sent[-1 - which % len(self.sent)]
            account = self.account_of[request_id]
            fact = Settle(request_id=request_id, account=account, key_id=KEYS[account][0], day=DAY, month=MONTH)
            fact.amount_nano, fact.fee_nano, fact.stream_seq = amount, fee, len(self.stream) + 1
            message.append(fact)
        self.stream.append(message)
        if reading:
            self.deliver([], reading=True)

    # --- what the network does ------------------------------------------------------------------------------------

    @precondition(lambda self: self.network)
    @rule(picks=st.lists(st.integers(0, 50), min_size=1, max_size=4), keep=st.booleans(), reading=st.booleans())
    def a_batch_arrives(self, picks: list[int], keep: bool, reading: bool) -> None:
        """In any order; `keep`: and will arrive again."""
        batch: list[Operation] = []
        for pick in picks:
            if self.network:
                at = pick % len(self.network)
                batch.append(self.network[at] if keep else self.network.pop(at))
        self.deliver(batch, reading=reading)

    @precondition(lambda self: self.network)
    @rule(pick=st.integers(0, 50))
    def a_message_is_lost(self, pick: int) -> None:
        self.network.pop(pick % len(self.network))

    @rule()
    def the_stream_is_read(self) -> None:
        self.deliver([], reading=True)

    @precondition(lambda self: self.stream)
    @rule()
    def the_stream_is_read_from_the_start_again(self) -> None:
        before = to_bytes(self.owner.state)
        ops: list[Operation] = [fact for message in self.stream[: self.owner.state.stream_seq] for fact in message]
        self.deliver(ops)
        after = self.owner.state
        again = from_bytes(before)
        again.head, again.ops, again.epoch = after.head, after.ops, after.epoch
        assert to_bytes(again) == to_bytes(after)

    @rule(seconds=st.integers(0, 4))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * SECOND_MS
        self.deliver([Expire(now_ms=self.now_ms)])

    # --- what owners do -------------------------------------------------------------------------------------------

    @rule()
    def the_owner_dies_and_another_takes_over(self) -> None:
        before = to_bytes(self.owner.state)
        self.ghost, self.owner = self.owner, Owner(self.journal, self.owner.epoch + 1)
        assert to_bytes(self.owner.state) == before

    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.journal.snapshot, self.journal.covered = to_bytes(self.owner.state), len(self.journal.batches)

    @precondition(lambda self: self.network and self.ghost)
    @rule()
    def the_old_owner_comes_back_from_the_dead(self) -> None:
        """It writes where it believes the journal ends: refused if it went on, and else the new owner will be."""
        ghost, self.ghost = self.ghost, None
        assert ghost is not None
        known = list(self.journal.batches)
        took_over = ghost.expected < len(known)
        try:
            ghost.take(self.network[:2], stream_seq=ghost.state.stream_seq, at_ms=self.now_ms)
        except Fenced:
            assert took_over
            assert self.journal.batches == known
        else:
            assert not took_over
            self.deliver([Expire(now_ms=self.now_ms)])

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def the_books_balance(self) -> None:
        self.owner.state.check()

    @invariant()
    def the_core_says_what_the_journal_says(self) -> None:
        state, books = self.owner.state, self.books
        for name, account in state.accounts.items():
            assert (account.balance, account.balance - account.held) == (books.balance[name], books.free(name))
        for (key, day), spending in state.days.items():
            assert (spending.spent, spending.held) == books.on_day(key, day)
        for (name, month), spending in state.months.items():
            assert (spending.spent, spending.held) == books.in_month(name, month)
        assert sum(b.revenue + b.fees for b in state.books.values()) == sum(books.charged.values())

    def teardown(self) -> None:
        """At the end everything read: every finished request is charged once, at what its first fact says."""
        if not self.journal.batches:
            return
        self.deliver([], reading=True)
        first: dict[str, int] = {}
        for fact in (fact for message in self.stream for fact in message):
            first.setdefault(fact.request_id, fact.amount_nano + fact.fee_nano)
        assert self.books.charged == first
        assert verify(self.journal.batches).hash == self.owner.state.head
        assert to_bytes(Owner(Journal(self.journal.batches), 99).state) == to_bytes(self.owner.state)

    # --- by which means -------------------------------------------------------------------------------------------

    def deliver(self, ops: list[Operation], *, reading: bool = False) -> None:
        seq = self.owner.state.stream_seq
        if reading:
            ops = [*ops, *(fact for message in self.stream[seq:] for fact in message)]
            seq = len(self.stream)
        if ops:
            try:
                self.owner.take(ops, stream_seq=seq, at_ms=self.now_ms)
            except Fenced:  # begins again from what is on record; nothing of the batch was told to anybody
                self.owner = Owner(self.journal, self.owner.epoch + 1)
                self.owner.take(ops, stream_seq=seq, at_ms=self.now_ms)
        for raw in self.journal.batches[self.kept :]:
            self.books.keep(raw)
        self.kept = len(self.journal.batches)

    def hold_for(
        self, account: str, limits: tuple[int | None, int | None], claim: str, which: int, amount: int, seconds: int
    ) -> Hold:
        """For a new request mostly, sometimes for one that was there before."""
        if which or not self.sent:
            self.sent.append(rid(len(self.sent) + 1))
            self.account_of[self.sent[-1]] = account
        account = self.account_of[self.sent[-1]]
        return Hold(
            op_id=self.op_id(),
            account=account,
            key_id=KEYS[account][which % len(KEYS[account])],
            request_id=self.sent[-1],
            amount_nano=amount,
            at_ms=self.now_ms,
            expires_at_ms=self.now_ms + seconds * SECOND_MS,
            day=DAY,
            month=MONTH,
            cap_nano=limits[0],
            budget_nano=limits[1],
            idempotency_key=claim,
        )

    def op_id(self) -> str:
        self.ids += 1
        return f"op-{self.ids}"


World.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestWorld = World.TestCase
