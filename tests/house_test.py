"""The house keeps its promises: scripts explain themselves, documents lead where they say, and no file
tells where it was written or where packages come from."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)

# Written so that they do not match their own text.
DEVELOPER_PATH = re.compile(r"(?<![\w./${}-])/(?:root|work)/")
PACKAGE_HOST = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|crates\.io|conda\.io"
    r"|(?:deb|security|ftp)\.debian\.org|proxy\.golang\.org)\b")

DECISION_NAME = re.compile(r"\d{4}-[a-z0-9-]+\.md")
DECISION_LINES_MAX = 45


def files(pattern="*"):
    """The repository's own files: those that Git has or would take in; without Git, all but hidden ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)
    if listed.returncode == 0:
        paths = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    else:
        paths = []
        for folder, folders, names in os.walk(REPOSITORY):
            folders[:] = [name for name in folders if not name.startswith(".") and name != "build"]
            paths += [pathlib.Path(folder) / name for name in names]
    return sorted({path for path in paths if path.is_file() and path.match(pattern)})


def text_of(path):
    """The file's text, or nothing for a file that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def broken_links(document, root):
    """The relative links of a Markdown file that lead to nothing, or out of the repository."""
    for target in LINK.findall(CODE.sub("", text_of(document))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target) or target.startswith("#"):
            continue
        place = (document.parent / target.split("#")[0]).resolve()
        if not place.exists() or root.resolve() not in [place, *place.parents]:
            yield target


def lines_that_match(pattern, paths):
    for path in paths:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"


class HouseTest(unittest.TestCase):

    def assert_none(self, faults):
        faults = list(faults)
        self.assertEqual(faults, [], "\n" + "\n".join(map(str, faults)))


class Scripts(HouseTest):

    def run_script(self, path, *arguments):
        # From another folder: a script must not depend on where it is called.
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run([path, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False, timeout=20)

    def test_each_says_what_it_does(self):
        scripts = sorted((REPOSITORY / "script").iterdir()) + [REPOSITORY / ".ci" / "run"]
        for path in scripts:
            with self.subTest(script=path.name):
                ran = self.run_script(path, "--help")
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                self.assertIn(path.name, ran.stdout.splitlines()[0])
                self.assertGreater(len(ran.stdout.splitlines()), 2)

    def test_a_suite_that_does_not_exist_is_refused_with_a_list_of_those_that_do(self):
        ran = self.run_script(REPOSITORY / "script" / "test", "nonsense")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("nonsense", ran.stderr)
        for suite in ("python", "faults", "asan", "tsan", "all"):
            self.assertIn(suite, ran.stderr)

    def test_a_preset_that_does_not_exist_is_refused(self):
        self.assertEqual(self.run_script(REPOSITORY / "script" / "build", "nonsense").returncode, 2)

    def test_ci_runs_the_tests_as_the_readme_says(self):
        self.assertRegex(text_of(REPOSITORY / ".ci" / "run"), r"(?m)^suite$")
        self.assertRegex(text_of(REPOSITORY / "README.md"), r"(?m)^ +script/test\b")


class Documents(HouseTest):

    def test_the_two_commands_of_the_readme_exist(self):
        readme = text_of(REPOSITORY / "README.md")
        for command in ("script/demo", "script/test"):
            self.assertIn(command, readme)
            self.assertTrue(os.access(REPOSITORY / command, os.X_OK), f"{command} cannot be run")

    def test_every_script_that_a_document_names_exists(self):
        for document in files("*.md"):
            for name in re.findall(r"(?<![\w/])script/[a-z][\w-]*", text_of(document)):
                with self.subTest(document=document.relative_to(REPOSITORY), script=name):
                    self.assertTrue((REPOSITORY / name).exists())

    def test_every_relative_link_leads_somewhere(self):
        self.assert_none(f"{document.relative_to(REPOSITORY)}: {target}"
                         for document in files("*.md") for target in broken_links(document, REPOSITORY))

    def test_every_decision_has_a_number_a_title_and_is_short(self):
        folder = REPOSITORY / "docs" / "decisions"
        numbers = []
        for path in sorted(folder.glob("*")):
            if path.name == "README.md":
                continue
            with self.subTest(decision=path.name):
                self.assertRegex(path.name, DECISION_NAME)
                lines = text_of(path).splitlines()
                self.assertTrue(lines and re.match(r"# \S", lines[0]), "the first line is no title")
                self.assertLessEqual(len(lines), DECISION_LINES_MAX)
                numbers.append(path.name[:4])
        self.assertEqual(len(numbers), len(set(numbers)), "two decisions have one number")


class EveryFile(HouseTest):

    def test_none_holds_a_path_of_a_developers_machine(self):
        self.assert_none(lines_that_match(DEVELOPER_PATH, files()))

    def test_none_names_a_host_of_packages(self):
        self.assert_none(lines_that_match(PACKAGE_HOST, files()))


class TheChecksThemselves(HouseTest):

    def test_a_link_to_nothing_is_found_and_links_elsewhere_are_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "there.md").write_text("# There\n")
            document = root / "page.md"
            document.write_text(
                "[a](there.md) [b](there.md#part) [c](#below) [d](https://example.com/x)\n"
                "[e](gone.md) [f](../outside.md) `[g](code.md)`\n\n```\n[h](code.md)\n```\n"
                "[i](gone.svg \"title\")\n")
            self.assertEqual(list(broken_links(document, root)), ["gone.md", "../outside.md", "gone.svg"])

    def test_a_machines_path_is_found_and_a_path_of_the_project_is_not(self):
        for line in ("cd /wo" "rk/main", '"/ro' 'ot/.cache"', "=/ro" "ot/x"):
            self.assertRegex(line, DEVELOPER_PATH)
        for line in ("${ROOT}/root/x", "src/work/x.h", "../work/x", "https://example.com/work/"):
            self.assertNotRegex(line, DEVELOPER_PATH)

    def test_a_package_host_is_found(self):
        self.assertRegex("https://pypi" ".org/simple", PACKAGE_HOST)
        self.assertNotRegex("Debian's packages, npm and PyPI", PACKAGE_HOST)


if __name__ == "__main__":
    unittest.main()
