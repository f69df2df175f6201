"""The filters of lists: "labels.home=x AND status=RUNNING" (compute/docs/reference/rest/v1/instances/aggregatedList). Of the
language there is `=`, `!=`, `labels.KEY:*` and AND; anything else is refused."""

import re

from .answers import NotPlayed

ONE = re.compile(r"([\w.-]+)\s*(=|!=|:)\s*(\"[^\"]*\"|[^\s()\"]+)")


def value_at(resource, path):
    for name in path.split("."):
        resource = resource.get(name) if isinstance(resource, dict) else None
    return resource


def parse(text):
    """A function that tells whether a resource is meant."""
    if not text:
        return lambda resource: True
    parts = re.split(r"\s+AND\s+|(?<=\))\s+(?=\()", text.strip())
    tests = []
    for part in parts:
        found = ONE.fullmatch(part.removeprefix("(").removesuffix(")").strip())
        if not found or (found[2] == ":" and found[3] != "*"):
            raise NotPlayed(f"the filter {text}")
        tests.append((found[1], found[2], found[3].strip('"')))

    def is_meant(resource):
        for path, sign, wanted in tests:
            actual = value_at(resource, path)
            if sign == ":" and actual is None:
                return False
            if sign != ":" and (str(actual if actual is not None else "") == wanted) != (sign == "="):
                return False
        return True
    return is_meant
