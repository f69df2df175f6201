"""What a request's JSON may hold. A field that is not in the shape is refused: the newer APIs of Google do so, the older ones
ignore it, and a client that misspells a field should hear of it from either."""

import re

from .answers import NotPlayed, Refused


class Bad(Refused):
    def __init__(self, message):
        super().__init__(400, message)


def text(value, at):
    if not isinstance(value, str):
        raise Bad(f"Invalid value at '{at}' (TYPE_STRING)")


def boolean(value, at):
    if not isinstance(value, bool):
        raise Bad(f"Invalid value at '{at}' (TYPE_BOOL)")


def integer(value, at):
    """64-bit integers are strings in Google's JSON; numbers are taken, too."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,19}", str(value)):
        raise Bad(f"Invalid value at '{at}' (TYPE_INT64)")


def anything(_value, _at):
    pass


def just(*values):
    """What the real service has, and what is played here only as it is when nobody says it."""
    def check_just(value, at):
        if value not in values:
            raise NotPlayed(f"{at} = {value}")
    return check_just


def one_of(*words):
    def check_word(value, at):
        if value not in words:
            raise Bad(f"Invalid value at '{at}': \"{value}\"")
    return check_word


def or_null(shape):
    def check_or_null(value, at):
        if value is not None:
            check(value, shape, at)
    return check_or_null


def map_of(shape):
    def check_map(value, at):
        if not isinstance(value, dict):
            raise Bad(f"Invalid value at '{at}' (a map)")
        for key, one in value.items():
            check(one, shape, f"{at}.{key}")
    return check_map


def without_nulls(value):
    """A field that is null is one that was not given; in a patch it is one that goes."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def check(value, shape, at="resource"):
    """`shape`: a dict of fields, a list of one shape (repeated), or a function."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Bad(f"Invalid value at '{at}' (an object)")
        for name, one in value.items():
            if name not in shape:
                raise Bad(f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field.")
            check(one, shape[name], f"{at}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Bad(f"Invalid value at '{at}' (repeated)")
        for index, one in enumerate(value):
            check(one, shape[0], f"{at}[{index}]")
    else:
        shape(value, at)
