"""Members of a repeated field as they stand on the wire, so that what is encoded already need not be copied again."""

_SEVEN_BITS = 0x7F


def member(encoded: bytes) -> bytes:
    """One message as a member of its batch's field 1: batches of one, put together, are a batch of many.

    Length-delimited (protobuf's encoding guide); by hand, because otherwise every message is copied into the batch.
    """
    size = len(encoded)
    prefix = bytearray(b"\x0a")
    while size > _SEVEN_BITS:
        prefix.append(size & _SEVEN_BITS | 0x80)
        size >>= 7
    prefix.append(size)
    return bytes(prefix) + encoded
