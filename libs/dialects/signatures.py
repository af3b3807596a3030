"""Marks on thoughts' signatures: which family of models made one, so that no other is ever sent it."""

# A Claude verifies its own and refuses anything else, on whatever platform it runs; its signatures stay as they are.
# Any other family's go out to the caller behind a mark, and come back with it.
PREFIX = "ni1."


def marked(family: str, value: str) -> str:
    """`value` as the caller gets it; "" stays "", and so does a Claude's (family "")."""
    return f"{PREFIX}{family}.{value}" if family and value else value


def unmarked(family: str, value: str) -> str:
    """The value as `family` made it; "" where another made it. Claude's family is ""."""
    if not family:
        return "" if value.startswith(PREFIX) else value
    prefix = f"{PREFIX}{family}."
    return value[len(prefix) :] if value.startswith(prefix) else ""
