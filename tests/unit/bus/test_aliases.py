"""The copy of the accounts' own names: as the bucket has them, each account's apart."""

from datetime import UTC, datetime

from libs.auth.records import AliasesRecord, ShownList, ShownRecord, shown_key
from libs.bus.aliases import Aliases
from libs.bus.memory import MemoryBus
from libs.telemetry.metrics import Metrics
from tests.support.broker import until

SHOWN = ShownList(digest="d", at_ms=round(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000))


async def test_names_and_lists_follow_the_bucket_and_accounts_do_not_mix() -> None:
    bus = MemoryBus()
    aliases = Aliases(bus, Metrics())
    await bus.put("aliases", "t_a", AliasesRecord(tenant="t_a", aliases={"x": "a/b"}).to_bytes())
    await aliases.start()
    try:
        assert aliases.of("t_a") == {"x": "a/b"}
        assert aliases.of("t_b") == {}
        await bus.put("aliases", shown_key("t_b"), ShownRecord(tenant="t_b", lists={"y": SHOWN}).to_bytes())
        await until(lambda: aliases.shown("t_b", "y") is not None)
        assert (aliases.shown("t_b", "y"), aliases.shown("t_a", "y"), aliases.of("t_b")) == (SHOWN, None, {})
        await bus.put("aliases", "t_a", b"not a record")
        await until(lambda: aliases.of("t_a") == {})
        await bus.delete("aliases", shown_key("t_b"))
        await until(lambda: aliases.shown("t_b", "y") is None)
    finally:
        await aliases.close()
