"""Amounts at the rim: integer nano-units inside, decimal strings outside."""

NANO = 1_000_000_000


def decimal_text(nano: int) -> str:
    """Nano-units as a decimal string of two to nine decimals: 1_500_000_000 is "1.50"."""
    sign = "-" if nano < 0 else ""
    whole, part = divmod(abs(nano), NANO)
    tail = f"{part:09d}".rstrip("0")
    return f"{sign}{whole}.{tail:0<2}"


def nano_of(text: str) -> int:
    """The nano-units of a decimal string as records hold them, without sign and with at most nine decimals."""
    whole, _, part = text.partition(".")
    return int(whole) * NANO + int(f"{part:0<9}")
