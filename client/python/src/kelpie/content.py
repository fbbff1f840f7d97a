"""The content of a message: text, bytes, or JSON, which is a dict or a list."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from google.protobuf import json_format
from google.protobuf.struct_pb2 import ListValue, Struct

from kelpie.errors import KelpieError, invalid
from kelpie.v1.event_pb2 import Content

MessageContent: TypeAlias = "str | bytes | dict[str, Any] | list[Any]"

#: The most levels of dicts and lists, the outermost included.
JSON_LEVELS = 30


def content_of(given: MessageContent) -> Content:
    """The content as it goes on the wire: a copy. Raises VALUE_INVALID or CONTENT_TOO_DEEP."""
    if isinstance(given, (dict, list)) and levels_of(given) > JSON_LEVELS:
        raise too_deep(JSON_LEVELS)
    try:
        if isinstance(given, dict):
            return Content(json=json_format.Parse(json.dumps(given, allow_nan=False), Struct()))
        if isinstance(given, list):
            return Content(list=json_format.Parse(json.dumps(given, allow_nan=False), ListValue()))
        return Content(text=given) if isinstance(given, str) else Content(data=given)
    except (TypeError, ValueError, json_format.ParseError) as error:
        raise invalid(f"content must be text, bytes, or a dict or a list that JSON can carry: {error}") from None


def content_from(content: Content) -> MessageContent | None:
    """The content as programs have it; None if this version does not have its form. Whole numbers are ints."""
    form = content.WhichOneof("form")
    value: Any = getattr(content, form) if form else None
    plain: MessageContent | None = _whole(json_format.MessageToDict(value)) if form in ("json", "list") else value
    return plain


def levels_of(given: Any, most: int = JSON_LEVELS + 1) -> int:
    """How many dicts and lists are in each other, counted up to ``most``: content may contain itself."""
    if not isinstance(given, (dict, list)) or most == 0:
        return 0
    inner = given.values() if isinstance(given, dict) else given
    return 1 + max((levels_of(one, most - 1) for one in inner), default=0)


def too_deep(levels: int) -> KelpieError:
    message = f"content has at most {levels} dicts and lists in each other; send it as text, or less deep"
    return KelpieError("CONTENT_TOO_DEEP", message, permanent=True, metadata={"limit": str(levels)})


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
