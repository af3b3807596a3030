"""What the prompt cache reads, writes and forgets."""

from services.sandbox.domain import Cached, Prefix
from services.sandbox.model.prompt_cache import PromptCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def prefix(name: str, tokens: int, keep_s: int = 300) -> Prefix:
    return Prefix(key=name.encode(), tokens=tokens, keep_s=keep_s)


def test_a_prefix_is_written_once_and_read_until_its_time_is_over() -> None:
    clock = Clock()
    cache = PromptCache(monotonic=clock)
    assert cache.use([prefix("a", 10)]) == Cached(written_5m=10)
    clock.now = 299
    assert cache.use([prefix("a", 10)]) == Cached(read=10)
    clock.now = 598  # reading kept it for five minutes more
    assert cache.use([prefix("a", 10)]) == Cached(read=10)
    clock.now = 898
    assert cache.use([prefix("a", 10)]) == Cached(written_5m=10)


def test_what_follows_the_longest_known_prefix_is_written_by_how_long_it_stays() -> None:
    cache = PromptCache(monotonic=Clock())
    assert cache.use([prefix("a", 10, 3600), prefix("ab", 15)]) == Cached(written_1h=10, written_5m=5)
    assert cache.use([prefix("a", 10, 3600), prefix("ac", 17)]) == Cached(read=10, written_5m=7)


def test_an_end_that_is_not_marked_is_read_and_never_written() -> None:
    cache = PromptCache(monotonic=Clock())
    assert cache.use([prefix("a", 10, 0), prefix("ab", 12)]) == Cached(written_5m=12)
    assert cache.use([prefix("a", 10, 0), prefix("ac", 13, 0)]) == Cached()
    assert cache.use([prefix("ab", 12, 0), prefix("abc", 20)]) == Cached(read=12, written_5m=8)


def test_the_memory_is_bounded() -> None:
    cache = PromptCache(monotonic=Clock())
    for i in range(5000):
        cache.use([prefix(str(i), 1)])
    assert cache.use([prefix("0", 1)]) == Cached(written_5m=1)
    assert cache.use([prefix("4999", 1)]) == Cached(read=1)
