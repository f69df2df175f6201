"""The commands of the manual work as they stand: each ```console block is run, in order, in one folder."""

import os
import re
import subprocess
import tempfile
import unittest

import workshop

# After a command in the background, a reader sees what it says before typing on.
SAYS_SOMETHING = "for i in $(seq 600); do test -s {} && break; sleep 0.05; done; test -s {}"
BACKGROUND = re.compile(r" > (\S+) .*&$")
# A page that begins so has its packages from the example in Python, where script/setup python has put them; by pip they would
# take a minute, and a network.
IN_PYTHON = "$ busker new churn --python"
MAKES_PACKAGES = "busker build --target local"
PACKAGES = workshop.SOURCE / "examples" / "python" / ".venv"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def script_of(page):
    """The commands of a page ("$ "), with what is typed on after them ("> "), as one script."""
    lines = ["trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for block in BLOCK.findall(page.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                lines.append(f"ln -s {PACKAGES} .venv" if line[2:] == MAKES_PACKAGES else line[2:])
                if file := BACKGROUND.search(line):
                    lines.append(SAYS_SOMETHING.format(file[1], file[1]))
            elif line == ">" or line.startswith("> "):
                lines.append(line[2:])
    return "\n".join(lines)


def run_commands_of(page, folder):
    """The finished bash that has run them."""
    if "busker/examples/" in page.read_text():  # a page that begins beside a clone
        os.symlink(workshop.SOURCE, f"{folder}/busker")
    environment = dict(os.environ, PATH=f"{workshop.BUILD}:{os.environ['PATH']}")
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script_of(page)], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=300)


class Manual(unittest.TestCase):
    def test_the_commands_of_each_page_work(self):
        pages = [p for p in sorted(workshop.SOURCE.glob("docs/*.md")) if BLOCK.search(p.read_text())]
        self.assertTrue(pages)
        for page in pages:
            with self.subTest(page=page.name), tempfile.TemporaryDirectory() as folder:
                if IN_PYTHON in page.read_text() and not PACKAGES.exists():
                    continue  # script/test python has it
                done = run_commands_of(page, folder)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_help_of_every_verb_shows_examples_and_exit_codes(self):
        verbs = re.findall(r"^  ([a-z]+) ", subprocess.run(
            [workshop.BUSKER, "--help"], capture_output=True, text=True, check=True)
            .stdout.split("Usage:")[1].split("Options:")[0], re.MULTILINE)
        self.assertGreater(len(verbs), 12)
        for verb in verbs:
            shown = subprocess.run([workshop.BUSKER, verb, "--help"], capture_output=True, text=True,
                                   check=True).stdout
            self.assertIn("Examples:", shown, verb)
            self.assertIn("Exit codes:", shown, verb)


if __name__ == "__main__":
    unittest.main()
