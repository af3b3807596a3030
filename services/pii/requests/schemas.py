"""JSON schemas of tools and answers: their words and values are texts, what validates and refers stays."""

from services.pii.requests.spots import Spot
from services.pii.requests.walk import Visit, Walk, keys, names, strings, text, values


def schema(walk: Walk, spot: Spot) -> None:
    """A schema, or where one may stand a list of them, `true` or `false`."""
    value = spot.value
    if isinstance(value, dict):
        walk.members(spot, value, _MEMBERS, strings)
    elif isinstance(value, list):
        walk.items(spot, value, schema)
    else:
        strings(walk, spot)


def _named_schemas(walk: Walk, spot: Spot) -> None:
    """Under keys of the caller's choice; `dependencies` may hold lists of such keys too."""
    value = spot.value
    if isinstance(value, dict):
        walk.own_members(spot, value, schema)
    else:
        schema(walk, spot)


_MEMBERS: dict[str, Visit] = {
    "description": text,
    "title": text,
    "$comment": text,
    "pattern": text,
    **dict.fromkeys(("enum", "const", "default", "examples", "example"), values),
    **dict.fromkeys(("type", "format", "$schema", "$ref", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor"), names),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), names),
    **dict.fromkeys(("required", "dependentRequired", "propertyOrdering"), keys),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), _named_schemas),
    **dict.fromkeys(("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"), schema),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames", "contentSchema"), schema),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "not", "if", "then", "else"), schema),
}
