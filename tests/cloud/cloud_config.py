"""cloud-init's user data, as far as Busker's VMs need it (cloudinit.readthedocs.io, modules write_files and runcmd).

JSON is YAML; of the rest of YAML there are block mappings and sequences, literal blocks (`|`, `|-`), plain and quoted scalars, and
flow sequences of JSON or of plain words. What is none of it is refused rather than misread."""

import base64
import gzip
import json
import re

KEYS = {"write_files", "bootcmd", "runcmd"}
FILE_KEYS = {"path", "content", "permissions", "owner", "encoding", "append", "defer"}


class NoCloudConfig(Exception):
    pass


class File:
    def __init__(self, path, content, mode, is_appended):
        self.path, self.content, self.mode, self.is_appended = path, content, mode, is_appended


class CloudConfig:
    """`commands`: each a string for sh, or a list of words."""

    def __init__(self, files, commands):
        self.files, self.commands = files, commands


def read(text):
    if not text.startswith("#cloud-config\n"):
        raise NoCloudConfig("the user data do not begin with #cloud-config")
    rest = text.partition("\n")[2]
    try:
        value = json.loads(rest) if rest.lstrip().startswith("{") else Yaml(rest).value()
    except (ValueError, IndexError) as error:
        raise NoCloudConfig(f"the user data cannot be read: {error}") from error
    if not isinstance(value, dict) or set(value) - KEYS:
        raise NoCloudConfig(f"of cloud-config there are only {', '.join(sorted(KEYS))} here")
    files = [file_of(one) for one in value.get("write_files") or []]
    commands = [command_of(one) for one in [*(value.get("bootcmd") or []), *(value.get("runcmd") or [])]]
    return CloudConfig(files, commands)


def file_of(entry):
    if not isinstance(entry, dict) or set(entry) - FILE_KEYS or not str(entry.get("path", "")).startswith("/"):
        raise NoCloudConfig(f"no file for write_files: {entry}")
    content = str(entry.get("content", ""))
    encoding = entry.get("encoding", "text/plain")
    data = content.encode()
    if encoding in ("b64", "base64", "gz+b64", "gzip+base64", "gz+base64"):
        data = base64.b64decode(content, validate=False)
        data = gzip.decompress(data) if encoding.startswith("gz") else data
    elif encoding != "text/plain":
        raise NoCloudConfig(f"no encoding {encoding}")
    mode = entry.get("permissions", "0644")
    if not isinstance(mode, str) or not re.fullmatch("0?[0-7]{3,4}", mode):
        # YAML takes 0644 for a number, and means another one: cloud-init wants it quoted.
        raise NoCloudConfig(f"permissions must be a string such as '0644', not {mode}")
    return File(entry["path"], data, int(mode, 8), bool(entry.get("append")))


def command_of(entry):
    if isinstance(entry, str) or (isinstance(entry, list) and all(isinstance(word, str) for word in entry)):
        return entry
    raise NoCloudConfig(f"a command is a string or a list of strings, not {entry}")


class Yaml:
    def __init__(self, text):
        self.lines = text.split("\n")
        self.at = 0

    def value(self):
        value = self.block(0)
        self.skip()
        if self.at < len(self.lines):
            raise ValueError(f"line {self.at + 2}: {self.lines[self.at]}")
        return value

    def skip(self):
        while self.at < len(self.lines) and (not self.lines[self.at].strip() or self.lines[self.at].lstrip().startswith("#")):
            self.at += 1

    def indent(self):
        """Of the next line that says something; -1: there is none."""
        self.skip()
        if self.at >= len(self.lines):
            return -1
        line = self.lines[self.at]
        if "\t" in line[:len(line) - len(line.lstrip())]:
            raise ValueError("a tab before a line")
        return len(line) - len(line.lstrip(" "))

    def block(self, least):
        indent = self.indent()
        if indent < least:
            return None
        is_list = re.match(r"- |-$", self.lines[self.at].lstrip())
        return self.sequence(indent) if is_list else self.mapping(indent)

    def sequence(self, indent):
        values = []
        while self.indent() == indent and re.match(r"- |-$", self.lines[self.at].lstrip()):
            line = self.lines[self.at]
            rest = line.lstrip()[1:]
            if not rest.strip():
                self.at += 1
                values.append(self.block(indent + 1))
            elif re.match(r"\s*[\w.-]+:(\s|$)", rest):  # a mapping that begins on the line of its dash
                self.lines[self.at] = " " * (indent + 1) + rest
                values.append(self.mapping(self.indent()))
            else:
                values.append(self.scalar(rest.strip(), indent))
        return values

    def mapping(self, indent):
        values = {}
        while self.indent() == indent:
            found = re.fullmatch(r"\s*([\w.-]+):(?:\s+(.*))?", self.lines[self.at])
            if not found:
                raise ValueError(f"line {self.at + 2}: {self.lines[self.at]}")
            key, rest = found[1], (found[2] or "").strip()
            if key in values:
                raise ValueError(f"line {self.at + 2}: {key} twice")
            if rest:
                values[key] = self.scalar(rest, indent)
                continue
            self.at += 1
            below = self.indent()
            is_list = below == indent and self.lines[self.at].lstrip().startswith("-")
            values[key] = self.sequence(indent) if is_list else self.block(indent + 1)
        return values

    def scalar(self, text, indent):
        if text in ("|", "|-"):
            return self.literal(indent, keeps_end=text == "|")
        self.at += 1
        if text[0] == "[":
            return flow_sequence(text)
        if text[0] == "{":
            return json.loads(text)
        if text[0] == '"':
            return json.loads(text)
        if text[0] == "'":
            if len(text) < 2 or text[-1] != "'":
                raise ValueError(f"an open quote: {text}")
            return text[1:-1].replace("''", "'")
        if text[0] in "&*!>|%@`" or " #" in text or ": " in text:
            raise ValueError(f"not played: {text}")
        if text in ("true", "false"):
            return text == "true"
        return int(text) if re.fullmatch(r"-?\d+", text) else text

    def literal(self, indent, keeps_end):
        self.at += 1
        taken = []
        inner = None
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip():
                width = len(line) - len(line.lstrip(" "))
                inner = width if inner is None else inner
                if width <= indent or width < inner:
                    break
            taken.append(line[inner or 0:] if line.strip() else "")
            self.at += 1
        while taken and not taken[-1]:
            taken.pop()
        return "\n".join(taken) + ("\n" if keeps_end and taken else "")


def flow_sequence(text):
    """JSON, or plain words between commas."""
    try:
        return json.loads(text)
    except ValueError:
        if not re.fullmatch(r"\[[\w ./:,=+-]*\]", text):
            raise
        return [word.strip() for word in text[1:-1].split(",")]
