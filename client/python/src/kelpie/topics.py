"""Checks and matches topics and patterns by the rules of the coordinator."""

from __future__ import annotations

import re

from kelpie.errors import invalid

_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PATTERN = re.compile(r"(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?|>")
_RESERVED = ("nodes", "players", "state", "routing", "kelpie")
_READABLE = ("kelpie.settings", "kelpie.audit")
_MOST_BYTES = 255
_MOST_TOKENS = 16


def check_topic(topic: str) -> str:
    """The topic, if nodes may publish on it. Raises TOPIC_INVALID or TOPIC_RESERVED."""
    first, *rest = _checked(topic, _TOPIC).split(".")
    if first in _RESERVED:
        raise invalid(f'only the coordinator publishes on topics that begin with "{first}"', "TOPIC_RESERVED")
    if first == "inbox" and (len(rest) != 1 or topic != topic.lower()):
        raise invalid('an inbox is "inbox.<node>", with the name in lower case', "TOPIC_INVALID")
    return topic


def check_pattern(pattern: str, node: str) -> str:
    """The pattern, if the node may read it; its own inbox in lower case. Raises TOPIC_INVALID or TOPIC_RESERVED."""
    first, *rest = _checked(pattern, _PATTERN).split(".")
    if first == "kelpie" and pattern not in _READABLE:
        raise invalid(f'only coordinators read "{pattern}"', "TOPIC_RESERVED")
    if first != "inbox":
        return pattern
    if len(rest) == 1 and rest[0].lower() in ("*", ">", node.lower()):
        return pattern.lower()
    raise invalid(f'a node reads only its own inbox, "inbox.{node.lower()}"', "TOPIC_RESERVED")


def _checked(text: str, form: re.Pattern[str]) -> str:
    fits = isinstance(text, str) and len(text) <= _MOST_BYTES and form.fullmatch(text)
    if fits and text.count(".") < _MOST_TOKENS:
        return text
    rule = f'at most {_MOST_TOKENS} tokens of letters, digits, "_" and "-" with dots between them, {_MOST_BYTES} bytes'
    wildcards = "" if form is _TOPIC else '; in a pattern "*" is one token, and ">" at the end is the rest'
    raise invalid(f"{text!r} cannot be used: {rule}{wildcards}", "TOPIC_INVALID")


def matches(pattern: str, topic: str) -> bool:
    wanted, tokens = pattern.split("."), topic.split(".")
    if wanted[0] != tokens[0] and (tokens[0] in _RESERVED or tokens[0] == "inbox"):
        return False
    if wanted[-1] == ">":
        wanted.pop()
        if len(tokens) <= len(wanted):
            return False
    elif len(tokens) != len(wanted):
        return False
    return all(one in ("*", token) for one, token in zip(wanted, tokens))
