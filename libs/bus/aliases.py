"""The accounts' own names of models and the lists they were last shown: a watched copy of the bucket `aliases`."""

from collections.abc import Mapping
from typing import Final

from libs.auth.records import AliasesRecord, ShownList, ShownRecord, UnreadableRecord, shown_key
from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_NONE: Final[Mapping[str, str]] = {}


class Aliases:
    """Answers from memory. Where a record cannot be read the account has no names of its own: ids must be exact."""

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._aliases: dict[str, Mapping[str, str]] = {}
        self._shown: dict[str, Mapping[str, ShownList]] = {}
        self._watch = Watch(bus, "aliases", self._keep, metrics)

    async def start(self) -> None:
        await self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    def of(self, tenant: str) -> Mapping[str, str]:
        """Name to route id or maker's id."""
        return self._aliases.get(tenant, _NONE)

    def shown(self, tenant: str, name: str) -> ShownList | None:
        """The list that the account was last shown for a name, if that is still kept."""
        return self._shown.get(shown_key(tenant), {}).get(name)

    def _keep(self, place: str, value: bytes | None) -> None:
        self._aliases.pop(place, None)
        self._shown.pop(place, None)
        if value is None:
            return
        try:
            if "." in place:  # no account's id has one
                self._shown[place] = ShownRecord.from_bytes(value).lists
            else:
                self._aliases[place] = AliasesRecord.from_bytes(value).aliases
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket="aliases", reason=str(error))
