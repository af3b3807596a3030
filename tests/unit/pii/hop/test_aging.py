"""What is remembered goes by itself, also where nothing comes any more."""

from services.pii.hop.known.aging import Aging
from tests.support.broker import until


async def test_what_is_too_old_is_swept_without_anybody_coming() -> None:
    held, swept = [0.0], list[float]()

    def sweep(before: float) -> bool:
        swept.append(before)
        held[:] = [since for since in held if since >= before]
        return bool(held)

    aging = Aging(sweep, idle_s=0.04)
    held[0] = aging.begin()
    await until(lambda: not held)
    assert len(swept) > 1  # the first look came too early, so there was another one
    seen = len(swept)
    aging.over()
    assert len(swept) == seen + 1


def test_outside_of_a_loop_it_only_tells_the_time() -> None:
    assert Aging(lambda _: False, now=lambda: 7.0).begin() == 7.0
