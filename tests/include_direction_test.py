"""Rooms include the rooms that CMakeLists.txt lists for them, all of those and no others, and heavy headers stay in .cc files.

The rule is tried on small wrong trees first, then this repository is held to it."""

import pathlib
import re
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent

# Headers that are slow to compile or that tie a room to a library: which part of a room's USES
# allows them. They may stand in .cc files; in *_conformance.h, which only tests include; and in a header
# that says of itself "for .cc files only", which is then as heavy. A *_fwd.hpp is light.
HEAVY_HEADERS = {
    "nlohmann/": "nlohmann_json",
    "CLI/": "CLI11",
    "toml++/": "tomlplusplus",
    "sqlite3.h": "SQLite",
    "openssl/": "OpenSSL",
}

FOR_CC_FILES_ONLY = re.compile(r"^//.*\bfor \.cc files only\b", re.MULTILINE)

# Not a room: it builds everything once, so it may include every room.
TOP = "app"

ROOM = re.compile(r"^\s*room\(\s*(\w+)\s+ROOMS\b(.*?)\bUSES\b(.*?)\)", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
USED_NAMESPACE = re.compile(r"(?<![\w:.>])(\w+)::\w")
COMMENT_OR_STRING = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')


def parse_rooms(cmake):
    """The rooms of a CMakeLists.txt: name -> (rooms that it may include, libraries that it uses)."""
    cmake = re.sub(r"#.*", "", cmake)
    return {name: (set(rooms.split()), uses.split()) for name, rooms, uses in ROOM.findall(cmake)}


def faults_of_rooms(rooms):
    """Rooms that are listed but do not exist, and rooms that depend on themselves."""
    for name, (listed, _) in rooms.items():
        for other in sorted(listed - rooms.keys()):
            yield f"CMakeLists.txt: room {name} lists {other}, which is no room"
        reached, frontier = set(), set(listed)
        while frontier:
            reached |= frontier
            frontier = set().union(*(rooms[r][0] for r in frontier if r in rooms)) - reached
        if name in reached:
            yield f"CMakeLists.txt: room {name} depends on itself by way of the rooms that it lists"


def faults_of_use(room, listed, rooms, sources):
    """Rooms that are listed and never included, and those used by way of another room's header."""
    included, used = set(), set()
    for text in sources:
        included |= {target.split("/")[0] for _, target in INCLUDE.findall(text)}
        used |= set(USED_NAMESPACE.findall(COMMENT_OR_STRING.sub("", text)))
    for other in sorted((listed & rooms.keys()) - included):
        yield f"CMakeLists.txt: room {room} lists {other}, which none of its files includes"
    for other in sorted((used & rooms.keys()) - included - {room}):
        yield f"src/{room}: {other}:: is used, and no file includes a header of {other}"


def is_light_header(path, text):
    return (path.suffix == ".h" and not path.name.endswith("_conformance.h")
            and not FOR_CC_FILES_ONLY.search(text))


def faults_of_include(place, room, is_light, rooms, heavy, quote, target):
    """What is wrong with one #include of a file in src/ROOM; `room` may be TOP.

    `is_light`: the file may hold no heavy header; `heavy`: the house's own headers that are."""
    if quote == '"' and target.startswith("."):
        yield f'{place}: include "{target}" by its path below src/'
    other = target.split("/")[0] if "/" in target else None
    if other in rooms or other == TOP:
        if room != TOP and other != room and other not in rooms[room][0]:
            yield f"{place}: room {room} may not include {other} ({target})"
    elif quote == '"' and not target.startswith("."):
        yield f'{place}: "{target}" is in no room'
    if is_light and target in heavy:
        yield f"{place}: {target} is for .cc files only"
    for prefix, library in HEAVY_HEADERS.items():
        if not target.startswith(prefix):
            continue
        if is_light and not target.endswith("_fwd.hpp"):
            yield f"{place}: <{target}> belongs in a .cc file"
        elif room != TOP and not any(use.startswith(library + "::") for use in rooms[room][1]):
            yield f"{place}: room {room} does not use {library}, whose header <{target}> it includes"


def faults_of_tree(root):
    """Everything that is wrong in the tree at `root`, a line each."""
    rooms = parse_rooms((root / "CMakeLists.txt").read_text())
    if not rooms:
        yield "CMakeLists.txt: no room(NAME ROOMS ... USES ...) was found"
    yield from faults_of_rooms(rooms)
    sources = {path: path.read_text() for path in sorted((root / "src").rglob("*"))
               if path.suffix in (".h", ".cc")}
    heavy = {path.relative_to(root / "src").as_posix() for path, text in sources.items()
             if FOR_CC_FILES_ONLY.search(text)}
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in rooms and folder.name != TOP:
            yield f"src/{folder.name}: the folder is no room of CMakeLists.txt"
    for room, (listed, _) in rooms.items():
        yield from faults_of_use(room, listed, rooms, [
            text for path, text in sources.items() if path.relative_to(root / "src").parts[0] == room])
    for path, text in sources.items():
        room = path.relative_to(root / "src").parts[0]
        if room not in rooms and room != TOP:
            continue
        is_light = is_light_header(path, text)
        for match in INCLUDE.finditer(text):
            place = f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start(1)) + 1}"
            yield from faults_of_include(place, room, is_light, rooms, heavy, *match.groups())


class TheRule(unittest.TestCase):
    """The check itself, on trees of a few files."""

    CMAKE = """
        room(base  ROOMS            USES fmt::fmt)   # room(old ROOMS gone USES)
        room(plan  ROOMS base       USES)
        room(store ROOMS plan base
                                    USES SQLite::SQLite3)
    """

    def faults(self, files, cmake=CMAKE, all_used=True):
        """Of a tree of these files; with `all_used` there are others that use each listed room."""
        rooms = parse_rooms(cmake) if all_used else {}
        others = {f"{room}/others.h": "".join(f'#include "{other}/others.h"\n' for other in listed if other in rooms)
                  for room, (listed, _) in rooms.items()}
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "CMakeLists.txt").write_text(cmake)
            (root / "src").mkdir()
            for name, text in {**others, **files}.items():
                path = root / "src" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return list(faults_of_tree(root))

    def test_accepts_includes_of_the_own_room_and_of_listed_rooms(self):
        self.assertEqual(
            self.faults({
                "base/a.h": "#include <string>\n",
                "plan/b.cc": '#include "plan/b.h"\n#include "base/a.h"\n',
                "store/c.cc": '#include <sqlite3.h>\n#include "plan/b.h"\n',
                "app/main.cc": '#include "store/c.h"\n#include "base/a.h"\n',
            }), [])

    def test_refuses_an_include_of_a_room_that_is_not_listed(self):
        self.assertEqual(
            self.faults({"plan/b.cc": '#include "base/a.h"\n\n#include "store/c.h"\n'}),
            ["src/plan/b.cc:3: room plan may not include store (store/c.h)"])

    def test_refuses_an_include_of_app(self):
        self.assertEqual(len(self.faults({"plan/b.cc": '#include "app/main.h"\n'})), 1)

    def test_refuses_a_way_around_by_angle_brackets_or_dots(self):
        self.assertEqual(len(self.faults({"plan/b.cc": "#include <store/c.h>\n"})), 1)
        self.assertEqual(len(self.faults({"plan/b.cc": '#include "../store/c.h"\n'})), 1)

    def test_refuses_rooms_that_form_a_circle(self):
        cmake = "room(a ROOMS b USES)\nroom(b ROOMS c USES)\nroom(c ROOMS a USES)\n"
        self.assertEqual(len(self.faults({}, cmake)), 3)

    def test_refuses_a_listed_room_that_does_not_exist(self):
        self.assertEqual(len(self.faults({}, "room(a ROOMS b USES)\n")), 1)

    def test_refuses_a_folder_that_is_no_room(self):
        self.assertEqual(self.faults({"attic/a.cc": ""}),
                         ["src/attic: the folder is no room of CMakeLists.txt"])

    def test_refuses_a_heavy_header_in_a_header(self):
        self.assertEqual(self.faults({"store/c.h": "#pragma once\n#include <sqlite3.h>\n"}),
                         ["src/store/c.h:2: <sqlite3.h> belongs in a .cc file"])

    def test_accepts_a_heavy_header_in_what_only_tests_include(self):
        self.assertEqual(self.faults({"store/c_conformance.h": "#include <sqlite3.h>\n"}), [])

    def test_accepts_a_heavy_header_in_one_that_says_it_is_for_cc_files_only(self):
        self.assertEqual(
            self.faults({
                "store/c.h": "// Heavy: for .cc files only.\n#include <sqlite3.h>\n",
                "store/d.cc": '#include "store/c.h"\n',
            }), [])

    def test_refuses_a_header_that_includes_one_for_cc_files_only(self):
        self.assertEqual(
            self.faults({
                "store/c.h": "// Heavy: for .cc files only.\n#include <sqlite3.h>\n",
                "store/d.h": '#include "store/c.h"\n',
            }), ["src/store/d.h:1: store/c.h is for .cc files only"])

    def test_accepts_a_forward_header_of_a_heavy_library(self):
        cmake = "room(a ROOMS USES nlohmann_json::nlohmann_json)"
        self.assertEqual(self.faults({"a/a.h": "#include <nlohmann/json_fwd.hpp>\n"}, cmake), [])

    def test_refuses_a_heavy_header_in_a_room_that_does_not_use_its_library(self):
        self.assertEqual(
            self.faults({"plan/b.cc": "#include <sqlite3.h>\n"}),
            ["src/plan/b.cc:1: room plan does not use SQLite, whose header <sqlite3.h> it includes"])

    def test_refuses_a_listed_room_that_is_never_included(self):
        self.assertEqual(
            self.faults({
                "base/a.h": "",
                "plan/b.cc": '#include "base/a.h"\n',
                "store/c.cc": '#include "plan/b.h"\n',
            }, all_used=False), ["CMakeLists.txt: room store lists base, which none of its files includes"])

    def test_refuses_a_room_used_by_way_of_another_rooms_header(self):
        cmake = "room(base ROOMS USES)\nroom(plan ROOMS USES)\nroom(store ROOMS plan USES)"
        files = {"store/c.cc": '#include "plan/b.h"\n// base::Id is nothing\nbase::Id id; std::base::T t; "base::x";\n'}
        self.assertEqual(self.faults(files, cmake), ["src/store: base:: is used, and no file includes a header of base"])
        self.assertEqual(self.faults({"store/c.cc": "// base::Id\n"}, cmake), [])

    def test_refuses_a_list_of_rooms_that_it_cannot_read(self):
        self.assertEqual(len(self.faults({}, "add_library(a)\n")), 1)


class ThisRepository(unittest.TestCase):

    def test_keeps_the_rule(self):
        faults = list(faults_of_tree(REPOSITORY))
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


if __name__ == "__main__":
    unittest.main()
