"""The prompt cache: which beginnings of prompts were seen, for how long, bounded."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.sandbox.domain import Cached, Prefix

_MOST = 4096  # prefixes; the one longest unused goes first
_HOUR_S = 3600


@dataclass(kw_only=True)
class PromptCache:
    """`monotonic` in seconds. A prefix that is read stays for its whole time again, as at the providers."""

    monotonic: Callable[[], float]
    _until: OrderedDict[bytes, float] = field(default_factory=OrderedDict)

    def use(self, prefixes: Sequence[Prefix]) -> Cached:
        """What of a prompt was read and what is written now; `prefixes` are of one prompt, shortest first."""
        now = self.monotonic()
        read = max((prefix.tokens for prefix in prefixes if self._until.get(prefix.key, 0) > now), default=0)
        done, written = read, {False: 0, True: 0}
        for prefix in prefixes:
            if not prefix.keep_s:
                continue
            self._keep(prefix, now)
            if prefix.tokens > done:
                written[prefix.keep_s >= _HOUR_S] += prefix.tokens - done
                done = prefix.tokens
        return Cached(read=read, written_5m=written[False], written_1h=written[True])

    def _keep(self, prefix: Prefix, now: float) -> None:
        self._until[prefix.key] = max(self._until.get(prefix.key, 0), now + prefix.keep_s)
        self._until.move_to_end(prefix.key)
        if len(self._until) > _MOST:
            self._until.popitem(last=False)
