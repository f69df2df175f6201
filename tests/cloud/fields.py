"""Partial responses: "items(name,size),nextPageToken" (cloud.google.com/storage/docs/json_api#partial-response)."""

import re

from .answers import Refused


def parse(mask):
    """A tree of names; an empty tree is all that is there."""
    words = re.findall(r"[\w$.-]+|[*/(),]", mask)
    if "".join(words) != mask:
        raise Refused(400, f"Invalid field selection {mask}", "invalidParameter")
    place = 0

    def paths():
        nonlocal place
        tree = {}
        while True:
            node, name = tree, None
            while True:
                if place >= len(words) or words[place] in "/(),":
                    raise Refused(400, f"Invalid field selection {mask}", "invalidParameter")
                name = words[place]
                node = node.setdefault(name, {})
                place += 1
                if place < len(words) and words[place] == "/":
                    place += 1
                    continue
                break
            if place < len(words) and words[place] == "(":
                place += 1
                node.update(paths())
                if place >= len(words) or words[place] != ")":
                    raise Refused(400, f"Invalid field selection {mask}", "invalidParameter")
                place += 1
            if place < len(words) and words[place] == ",":
                place += 1
                continue
            return tree

    tree = paths()
    if place != len(words):
        raise Refused(400, f"Invalid field selection {mask}", "invalidParameter")
    return tree


def names_in(tree):
    return set(tree) | {name for inner in tree.values() for name in names_in(inner)}


def only(value, tree):
    if not tree:
        return value
    if isinstance(value, list):
        return [only(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    part = {}
    for name, one in value.items():
        inner = tree.get(name, tree.get("*"))
        if inner is not None:
            part[name] = only(one, inner)
    return part
