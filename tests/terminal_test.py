"""The command line as a person meets it: help that fits, pages for man, completion, colours, ports, folders."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import workshop
from workshop import BUSKER, Service, run_on_terminal, wait_until


def busker(*words, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(BUSKER), *words], capture_output=True, text=True, timeout=60, **options)


def verbs():
    """All that --help lists."""
    listed = busker("--help").stdout.split("Usage:")[1].split("Options:")[0]
    return re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE)


class Help(unittest.TestCase):
    def test_it_fits_a_terminal_of_80_columns(self):
        # Lines went on to 130 columns, and a terminal broke them within words.
        for words in ([], *([verb] for verb in verbs()), ["token", "create"]):
            shown = busker(*words, "--help").stdout.split("Examples:")[0]
            self.assertLessEqual(max(map(len, shown.splitlines())), 80, shown)

    def test_pages_for_man_hold_what_help_says_and_have_no_fault(self):
        # There was no page for man. A page that another tool cannot read is worse than none.
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(busker("pages", folder).returncode, 0)
            pages = sorted(pathlib.Path(folder, "man/man1").iterdir())
            self.assertEqual([page.name for page in pages],
                             sorted(["busker.1", *(f"busker-{verb}.1" for verb in verbs())]))
            for page in pages:
                self.lint(page)
            self.assertEqual(busker("help", "run", "--man").stdout, busker("help", "--man", "run").stdout)
            self.assertIn(".TH BUSKER\\-RUN 1", busker("help", "--man", "run").stdout)
            self.assertEqual(busker("help", "--man", "runn").returncode, 2)
            if not shutil.which("groff"):
                self.skipTest("needs groff")
            shown = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", f"{folder}/man/man1/busker-run.1"],
                                   capture_output=True, text=True, check=True).stdout
            for part in ("busker-run - Run one action now", "--date D", "--color auto|always|never",
                         "busker run application --date 2019-08-01", "wrong usage or invalid file"):
                self.assertIn(part, shown)

    def lint(self, page):
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-ww", "-z", str(page)], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
        if shutil.which("mandoc"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True)
            faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
            self.assertEqual(faults, [], page.name)


class Installation(unittest.TestCase):
    @unittest.skipUnless((workshop.BUILD / "cmake_install.cmake").exists(), "needs the folder of a build")
    def test_has_all_it_needs_and_what_man_and_shells_look_for(self):
        # There was nothing to install but two files by hand.
        service = Service()
        self.addCleanup(service.close)
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["cmake", "--install", str(workshop.BUILD), "--prefix", prefix], check=True, capture_output=True, timeout=120)
            for name in ("bin/busker", "lib/busker/busker-runner", "share/man/man1/busker-run.1", "share/man/man1/busker.1",
                         "share/bash-completion/completions/busker", "share/zsh/site-functions/_busker",
                         "share/fish/vendor_completions.d/busker.fish"):
                self.assertTrue(os.path.exists(f"{prefix}/{name}"), name)
            for words in (["run", "training", "-q"], ["run", "application", "-q"], ["query", "SELECT count(*) FROM shop.predictions"]):
                done = subprocess.run([f"{prefix}/bin/busker", *words], cwd=service.folder, capture_output=True, text=True, timeout=120)
                self.assertEqual(done.returncode, 0, done.stderr)


class Completion(unittest.TestCase):
    """The shells themselves are asked, as the Tab key does."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.must("run", "training", "-q")
        cls.environment = dict(os.environ, PATH=f"{workshop.BUILD}:{os.environ['PATH']}")

    def asked(self, shell, line):
        if shell == "fish":
            script = f"busker completion fish | source; complete -C {json.dumps(line)}"
            words = ["fish", "--no-config", "-c", script]
        else:
            script = ('. <(busker completion bash); COMP_WORDS=(); COMP_LINE=$1; for word in ${1//=/ = }; do '
                      'COMP_WORDS+=("$word"); done; [[ $1 == *[\\ =] ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
                      '_busker; printf "%s\\n" "${COMPREPLY[@]}"')
            words = ["bash", "-c", script, "bash", line]
        done = subprocess.run(words, cwd=self.service.folder, env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_bash_completes_verbs_options_choices_and_what_is_here(self):
        run = self.service.facts("runs")[0]["id"]
        version = self.service.facts("models")[0]["version"]
        for line, words in (("busker prom", ["promote"]), ("busker token r", ["revoke"]), ("busker run --da", ["--date"]),
                            ("busker runs --state f", ["failed"]), ("busker runs --state=ru", ["running"]),
                            ("busker run ", ["application", "training"]), ("busker --json run tr", ["training"]),
                            ("busker promote ", [version]), ("busker completion z", ["zsh"]), ("busker help tok", ["token"]),
                            (f"busker logs {run[:4]}", [run]), (f"busker skip {run} ", ["training", "promote"])):
            self.assertEqual(sorted(self.asked("bash", line)), sorted(words), line)
        self.assertIn("model.sh", self.asked("bash", "busker graph run "))
        self.assertIn("configs", self.asked("bash", "busker -C "))

    @unittest.skipUnless(shutil.which("fish"), "needs fish")
    def test_fish_completes_with_what_each_word_means(self):
        self.assertEqual(self.asked("fish", "busker prom"),
                         ["promote\tMake a version live"])
        self.assertEqual(sorted(self.asked("fish", "busker run ")), ["application", "training"])

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_zsh_completes_at_its_prompt(self):
        shell, ours = pty.fork()
        if shell == 0:
            os.chdir(self.service.folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], dict(self.environment, TERM="dumb", PS1="> "))
        self.addCleanup(os.close, ours)
        self.addCleanup(os.waitpid, shell, 0)
        self.addCleanup(os.kill, shell, signal.SIGKILL)
        seen = ""

        def reads(part):
            nonlocal seen
            os.set_blocking(ours, False)
            try:
                seen += os.read(ours, 65536).decode(errors="replace")
            except BlockingIOError:
                pass
            return part in seen

        os.write(ours, b"autoload -U compinit; compinit -u -D; . <(busker completion zsh); echo rea''dy\n")
        wait_until(lambda: reads("ready"), "zsh has read the completion", limit=60)
        os.write(ours, b"busker promo\t")
        wait_until(lambda: reads("busker promote"), "zsh completes a verb", limit=60)
        os.write(ours, b"\x15busker run trai\t")
        wait_until(lambda: reads("run training"), "zsh completes an action", limit=60)

    def test_makes_nothing_and_says_nothing_where_nothing_is(self):
        with tempfile.TemporaryDirectory() as folder:
            done = busker("complete", "--", "run", "", cwd=folder)
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assertEqual(os.listdir(folder), [])


class Colour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.must("run", "training", "-q")

    def coloured(self, *words, **variables):
        environment = {name: value for name, value in os.environ.items() if "COLOR" not in name}
        return "\x1b[" in busker(*words, cwd=self.service.folder, env=dict(environment, **variables)).stdout

    def test_are_where_they_are_wanted(self):
        # There was no way to have colours in a pager, and CLICOLOR_FORCE was not heeded.
        for wanted, words, variables in (
                (False, ("runs",), {}), (True, ("runs", "--color", "always"), {}), (True, ("--color=always", "runs"), {}),
                (True, ("runs",), {"CLICOLOR_FORCE": "1"}), (False, ("runs",), {"CLICOLOR_FORCE": "0"}),
                (False, ("runs",), {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}),
                (True, ("runs",), {"CLICOLOR_FORCE": "1", "NO_COLOR": ""}),
                (True, ("runs", "--color", "always"), {"NO_COLOR": "1"}),
                (False, ("runs", "--color", "never"), {"CLICOLOR_FORCE": "1"})):
            self.assertEqual(self.coloured(*words, **variables), wanted, (words, variables))
        refused = busker("runs", "--color", "purple", cwd=self.service.folder)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("auto,always,never", refused.stderr)

    def test_on_a_terminal_are_there_unless_never(self):
        self.assertIn("\x1b[32m", run_on_terminal([str(BUSKER), "runs"], self.service.folder))
        self.assertNotIn("\x1b[", run_on_terminal([str(BUSKER), "runs", "--color", "never"], self.service.folder))

    def test_a_refusal_has_one_and_a_sign_as_states_have(self):
        # Each state had both, and what the gate had refused stood there as if nothing were to be seen.
        service = Service()
        self.addCleanup(service.close)
        service.must("run", "training", "-q")
        service.write("configs/training.sh", workshop.TRAINING.replace("0.8", "0.7"))
        service.must("run", "training", "-q")
        for verb, cell in (("runs", "refused"), ("status", "refused"), ("models", "refused: auc 0.7 ")):
            shown = run_on_terminal([str(BUSKER), verb, "--color", "always"], service.folder, columns=200)
            self.assertIn(f"\x1b[33m⊘ {cell}", shown)


class Tables(unittest.TestCase):
    """A terminal of 80 columns, as most are."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.must("run", "training", "-q", "--date", "2026-11-30")
        cls.service.write("configs/training.sh", "echo 'no such column: tenure, of customers.parquet, which the model was trained with' >&2; exit 3")
        cls.service.busker("run", "training", "-q", "--date", "2026-12-01")

    def lines(self, *words):
        shown = run_on_terminal([str(BUSKER), *words, "--color", "never"], self.service.folder)
        lines = [line.rstrip() for line in shown.replace("\r", "").splitlines() if line.strip()]
        self.assertLessEqual(max(map(len, lines)), 80, shown)
        return lines

    def test_a_reason_that_has_no_room_in_its_row_stands_below_it(self):
        # It was cut after twelve characters: "training: t...". And columns without a value took the place of others.
        head, failed, *reason, succeeded = self.lines("runs")
        self.assertRegex(head, r"^RUN +ACTION +STATE +DATA DATE +REQUESTED +TOOK$")
        self.assertRegex(failed, r"^\S+ +training +✗ failed +2026-12-01 +(?:now|.* ago) +\S+$")
        self.assertEqual(" ".join(line.strip() for line in reason),
                         "training: the command ended with exit code 3; last output: no such column: tenure, of customers.parquet, which "
                         "the model was trained with")
        self.assertRegex(succeeded, r"^\S+ +training +✓ succeeded +2026-11-30 ")
        head = next(line for line in self.lines("status") if line.startswith("ACTION"))
        self.assertRegex(head, r"^ACTION +LAST RUN +DATA DATE +REQUESTED +RUN$")

    def test_runs_are_found_by_their_data_date(self):
        # The page could, and the command line could not.
        dates = lambda *words: [run["data_date"] for run in self.service.facts("runs", *words)]
        self.assertEqual(dates("--date", "2026-11-30"), ["2026-11-30"])
        self.assertEqual(dates("--date", "2026-11-30", "--state", "failed"), [])
        self.assertEqual(dates("--date", "today", "training"), dates("--date", "today"))
        self.assertIn("no such run", self.service.must("runs", "--date", "2019-08-01"))
        # A variable of a shell that nobody had set listed all runs.
        for option in ("--date", "--state", "--batch"):
            self.assertEqual(self.service.busker("runs", option, "").returncode, 2, option)
        refused = self.service.busker("runs", "--date", "2026-02-30")
        self.assertEqual((refused.returncode, "is not a date" in refused.stderr), (2, True), refused.stderr)

    def test_today_is_asked_of_one_zone(self):
        # Between Kiribati and Baker Island there are always two dates.
        service = Service()
        self.addCleanup(service.close)
        toml = (service.folder / "busker.toml").read_text()
        for name, zone in (("training", "Pacific/Kiritimati"), ("application", "Etc/GMT+12")):
            self.assertIn(f"[actions.{name}]\n", toml)
            toml = toml.replace(f"[actions.{name}]\n", f'[actions.{name}]\ntime_zone = "{zone}"\n')
        service.write("busker.toml", toml)
        service.must("run", "training", "-q")
        refused = service.busker("runs", "--date", "today")
        self.assertEqual(refused.returncode, 2, refused.stdout)
        self.assertRegex(refused.stderr, r"today is \S+ in Etc/GMT\+12 and \S+ in Pacific/Kiritimati; name the action, or write the date")
        self.assertEqual(len(service.facts("runs", "training", "--date", "today")), 1)
        self.assertEqual(service.facts("runs", "training", "--date", "yesterday"), [])


class Ending(unittest.TestCase):
    def test_by_control_c_says_so_to_who_waits_for_it(self):
        # busker up and busker serve ended with 0, and a script went on to its next line as if all were well. A service
        # manager, which sends SIGTERM, has what it wanted.
        service = Service()
        self.addCleanup(service.close)
        service.must("run", "training", "-q")
        for words in (("up", "--port", "0"), ("serve", "--without-tokens", "--port", "0")):
            for how, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
                process = service.start(*words)
                with process.stdout as lines:
                    next(line for line in lines if line.startswith(("dashboard: ", "predictions of ")))
                    process.send_signal(how)
                    for _ in lines:  # what it says until it ends
                        pass
                self.assertEqual(process.wait(60), code, (words, how))


class Live(unittest.TestCase):
    def test_a_terminal_shows_for_how_long_and_with_how_much_memory_until_something_else_is_said(self):
        # A training that computed in silence looked as one that hangs.
        service = Service()
        self.addCleanup(service.close)
        service.write("configs/training.sh", f"echo begun\nuntil test -e {service.folder}/go; do sleep 0.1; done\n" + workshop.TRAINING)
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        run = subprocess.Popen([str(BUSKER), "run", "training"], cwd=service.folder, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.set_blocking(ours, False)
        shown = b""

        def reads(pattern):
            nonlocal shown
            try:
                shown += os.read(ours, 65536)
            except OSError:  # nothing, or nobody has it open any more
                pass
            return re.search(pattern, shown)

        wait_until(lambda: reads(rb"training \d+:\d\d  \d+ MB"), "the line is shown", limit=60)
        service.write("go", "")
        wait_until(lambda: reads(rb"run \S+ \S*succeeded"), "the run ends", limit=60)
        self.assertRegex(shown, rb"MB[^\n]*\r\x1b\[K[^\n]*\n", "it goes away before a line is printed")
        self.assertEqual(run.wait(60), 0)


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def up(self, *words):
        """Begins busker up; returns the line that names the dashboard."""
        up = self.service.start("up", "-q", *words)
        self.addCleanup(up.stdout.close)
        self.addCleanup(up.wait)
        self.addCleanup(up.terminate)
        for line in up.stdout:
            if line.startswith("dashboard: "):
                return line
        raise AssertionError("busker up ended")

    def test_has_the_port_that_is_asked_for(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.assertIn(f"http://127.0.0.1:{port} ", self.up("--port", str(port)))
        self.assertTrue(busker("open", cwd=self.service.folder).stdout.startswith(f"http://127.0.0.1:{port}/login?token="))

    def test_a_port_that_is_taken_is_told_with_who_has_it_and_what_to_do(self):
        # "listen on 127.0.0.1 port 8321: Address already in use": by whom, and now?
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            refused = self.service.busker("up", "--port", port)
            self.assertEqual(refused.returncode, 75)
            self.assertIn(f"port {port} is taken by process {os.getpid()}, ", refused.stderr)
            self.assertIn("busker up --port N takes another, and --port 0 one that is free", refused.stderr)
            self.service.write(".busker/daemon.toml", f'[http]\nlisten = "127.0.0.1:{port}"\n')
            self.assertIn(f"port {port} is taken by process", self.service.busker("up").stderr)
            self.assertNotIn(f":{port} ", self.up("--port", "0"))

    def test_is_opened_by_a_file_that_is_the_owners_alone(self):
        # An address on the command line of a browser can be read, and used first, by whoever has a login here.
        self.up("--port", "0")
        opened = self.service.folder / "opened"
        browser = self.service.write("browser", f'#!/bin/sh\necho "$1" > {opened}.new; mv {opened}.new {opened}\n', mode=0o755)
        os.environ["BROWSER"] = str(browser)
        self.addCleanup(os.environ.pop, "BROWSER")
        shown = run_on_terminal([str(BUSKER), "open"], self.service.folder, columns=200)
        link = re.search(r"http://\S+/login\?token=\S+", shown)[0]
        wait_until(opened.exists, "the browser is started")
        page = pathlib.Path(opened.read_text().strip().removeprefix("file://"))
        self.assertEqual(page.stat().st_mode & 0o777, 0o600)
        self.assertIn(f"url={link}", page.read_text())

    def test_that_nobody_serves_is_told_with_what_serves_it(self):
        refused = busker("open", cwd=self.service.folder)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("start it: busker up", refused.stderr)
        self.assertFalse(self.service.home.exists())


class Picture(unittest.TestCase):
    def test_moves_by_style_alone_in_both_lights_and_stands_still_when_asked(self):
        # What runs in a picture runs for whoever reads the page that shows it.
        for name in ("terminal.svg", "terminal-still.svg"):
            picture = (workshop.SOURCE / "docs" / "pictures" / name).read_text()
            self.assertLess(len(picture), 150_000)
            root = xml.etree.ElementTree.fromstring(picture)
            self.assertEqual({element.tag.split("}")[1] for element in root.iter()}, {"svg", "title", "style", "g", "text"})
            self.assertEqual([word for element in root.iter() for word in element.attrib if word.startswith("on") or "href" in word], [])
            self.assertNotIn("url(", picture)
            for wish in ("prefers-color-scheme:dark", "prefers-reduced-motion:reduce"):
                self.assertIn(wish, picture)
            self.assertIn("busker run training", picture)


class Folders(unittest.TestCase):
    LOOK = (["status"], ["runs"], ["logs"], ["models"], ["show", "live"], ["deliveries"], ["query", "SELECT 1"], ["validate"],
            ["explain", "training"], ["audit"], ["fsck"], ["next", "training"], ["token", "list"], ["secret", "list"], ["open"],
            ["doctor"], ["check", "training"], ["wait", "training"], ["predict", "x.csv"], ["rollback"], ["undo", "x"],
            ["cancel", "training"], ["pause", "training"], ["pin", "x", "--why", "y"], ["schema"], ["help"])

    def test_a_verb_that_looks_makes_nothing(self):
        for words in self.LOOK:
            with self.subTest(words=words), tempfile.TemporaryDirectory() as folder:
                done = busker(*words, cwd=folder)
                self.assertEqual(os.listdir(folder), [], done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_nor_does_one_in_a_service_that_never_ran(self):
        service = Service()
        self.addCleanup(service.close)
        for words in self.LOOK:
            if words[0] == "pause":
                continue  # that is kept, for when it runs
            with self.subTest(words=words):
                busker(*words, cwd=service.folder)
                self.assertFalse(service.home.exists())

    def test_verbs_find_the_service_from_within_it(self):
        service = Service()
        self.addCleanup(service.close)
        inside = service.folder / "source" / "prediction"
        inside.mkdir(parents=True)
        self.assertEqual(busker("run", "training", "-q", cwd=inside).returncode, 0)
        for words in (["status"], ["runs"], ["logs"], ["models"], ["validate"], ["deliveries"], ["show", "live"]):
            below, above = (busker(*words, cwd=there) for there in (inside, service.folder))
            self.assertEqual((below.returncode, below.stdout), (0, above.stdout), (words, below.stderr))
        self.assertFalse((inside / ".busker").exists())


if __name__ == "__main__":
    unittest.main()
