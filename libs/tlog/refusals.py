"""Why something of a transparency log is not believed, each reason by a stable name."""

from enum import StrEnum


class Reason(StrEnum):
    """Names stand in the output of verifiers; they are never renamed."""

    MALFORMED_NOTE = "malformed_note"
    MALFORMED_KEY = "malformed_key"
    UNKNOWN_KEY = "unknown_key"  # no signature by a key that is trusted
    BAD_SIGNATURE = "bad_signature"  # one that claims to be by a key that is trusted
    MALFORMED_CHECKPOINT = "malformed_checkpoint"
    WRONG_ORIGIN = "wrong_origin"
    MALFORMED_PROOF = "malformed_proof"
    NOT_INCLUDED = "not_included"
    INCONSISTENT = "inconsistent"
    ROLLED_BACK = "rolled_back"  # a checkpoint smaller than one that was seen before
    QUORUM = "quorum"  # too few witnesses
    MALFORMED_TILE = "malformed_tile"
    MISSING_TILE = "missing_tile"
    MALFORMED_POLICY = "malformed_policy"
    MALFORMED_RECEIPT = "malformed_receipt"
    MALFORMED_PROMISE = "malformed_promise"
    OTHER_REQUEST = "other_request"  # a receipt, but of another request than the one asked for
    REQUEST_DIFFERS = "request_differs"
    RESPONSE_DIFFERS = "response_differs"
    NOT_STATED = "not_stated"  # the record has no hash of what is to be compared
    SILENT = "silent"  # nothing was heard of a log for too long


class Refused(Exception):
    """Not believed. `reason` is for programs, the message a sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message
