"""Opening a sealed credential: the key-encryption keys are read from their file each time, the secret is told to us."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from libs.auth.envelopes import CannotOpen, open_credential, read_ring
from libs.auth.records import ByokRecord
from libs.contracts.errors import RouteUnavailable
from libs.telemetry.log import logger


class Ring:
    """The only thing in the street that opens envelopes. `path` None: nobody gave this worker the keys."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    async def opened(self, record: ByokRecord) -> Mapping[str, str]:
        """The credential's members. Raises CannotOpen, and RouteUnavailable where there are no keys."""
        if self._path is None:
            raise RouteUnavailable("BYOK is not set up on this worker: the operator has to set NI_KEK_FILE.")
        return await asyncio.to_thread(self._open, self._path, record)

    @staticmethod
    def _open(path: Path, record: ByokRecord) -> Mapping[str, str]:
        try:
            return open_credential(read_ring(path.read_bytes()), record)
        except CannotOpen:
            raise
        except (OSError, ValueError) as error:
            logger().error("kek_unreadable", path=str(path), error_type=type(error).__name__)
            raise RouteUnavailable(
                "The key-encryption keys cannot be read; the operator has to look. Nothing was sent."
            ) from None
