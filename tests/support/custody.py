"""What custody's tests of several rooms share."""

from typing import Any

import orjson

from libs.contracts.northern.v1.facts_pb2 import Finished


def statement_of(finished: Finished) -> dict[str, Any]:
    """A worker's signed statement as its record shows it."""
    return {
        "statement": orjson.loads(finished.statement),
        "public_key": finished.signer.hex(),
        "signature": finished.signature.hex(),
    }
