"""Canaries: secrets that a program has, prints in every form and fails with are found nowhere afterwards.

Twenty of them, as files and as variables, through a run by hand, and through a daemon with a retry, where the
runner and the daemon are killed in the middle. Then everything that Busker keeps, says and answers is searched
for each of them as it is, and in base64, hexadecimal, percent-encoding and JSON."""

import base64
import contextlib
import getpass
import json
import os
import pathlib
import pty
import re
import secrets
import signal
import sqlite3
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

import workshop
from workshop import Service

COUNT = 20

# What the program does: it prints each of its secrets in each form, part of it byte by byte and slowly, writes one
# into the name of a file and all of them into a file of its own, and fails with one as its last output.
MODEL = r'''#!/usr/bin/env python3
import base64, json, os, pathlib, sys, time, urllib.parse

values = []
for number in range(COUNT):
    if number % 2 == 0:
        values.append(pathlib.Path(os.environ[f"CANARY_{number}"]).read_bytes())
    else:
        values.append(os.environb[f"CANARY_{number}".encode()])


def say(data, slowly=False):
    for at in range(0, len(data), 5 if slowly else len(data) or 1):
        os.write(1 + at % 2, data[at:at + 5] if slowly else data)
        time.sleep(0.002 if slowly else 0)


def forms(value):
    yield value
    for before in b"", b":", b"u:":
        yield base64.b64encode(before + value + b"#")
        yield base64.urlsafe_b64encode(before + value + b"#")
    yield base64.b64encode(value)
    yield base64.encodebytes(value)
    yield value.hex().encode()
    yield value.hex().upper().encode()
    quoted = urllib.parse.quote(value).encode()
    yield quoted
    yield urllib.parse.quote_plus(value).encode()
    text = value.decode()
    yield json.dumps(text).encode()
    yield json.dumps(text, ensure_ascii=False).encode()


folder = pathlib.Path("output")
(folder / "own").write_bytes(b"\n".join(values))
(folder / values[1].decode()).touch()
for round in range(2):
    for number, value in enumerate(values):
        for form in forms(value):
            say(b"<" + form + b">\n", slowly=round == 1 and number < 2)
print("all said", flush=True)
gate = pathlib.Path(os.environ["GATE"])
(gate.parent / "reached").write_text(os.environ["BUSKER_ATTEMPT"])
while not gate.exists():
    time.sleep(0.02)
if len(sys.argv) > 2:
    sys.exit(0)  # without what it was to write
sys.stdout.flush()
say(values[3])
sys.exit(3)
'''


def make_canaries():
    """Unique values, some of them with all that an encoding treats in its own way."""
    canaries = []
    for number in range(COUNT):
        core = secrets.token_urlsafe(18)
        if number % 5 == 2:
            value = f'{core} "quoted"/\\ä?&=+~é€\U0001F600%'
        elif number % 10 == 4:
            value = "\n".join(["-----BEGIN KEY-----"] +
                              [base64.b64encode(secrets.token_bytes(48)).decode() for _ in range(5)] +
                              ["-----END KEY-----"])
        elif number % 10 == 6:
            value = secrets.token_hex(150)
        else:
            value = core
        canaries.append(value)
    return canaries


def cores(value):
    """Of base64, the characters that `value` alone decides, at each alignment."""
    for before in range(3):
        for encode in base64.b64encode, base64.urlsafe_b64encode:
            text = encode(b"\0" * before + value)
            yield text[(before * 8 + 5) // 6:(before + len(value)) * 8 // 6]


def needles(value):
    """Every form in which a secret must not be found. Of long ones a part is enough to find them by."""
    parts = [value.encode()]
    if b"\n" in parts[0]:
        parts += [line for line in parts[0].split(b"\n") if not line.startswith(b"-----")]
    if len(parts[0]) > 60:
        parts += [parts[0][:40], parts[0][-40:]]
    found = set()
    for part in parts:
        found |= {part, part.hex().encode(), part.hex().upper().encode(), *cores(part)}
        for safe in "/", "", "~!*'()/":
            quoted = urllib.parse.quote(part, safe=safe).encode()
            found |= {quoted, urllib.parse.quote_plus(part, safe=safe).encode(),
                      re.sub(rb"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)}
        text = part.decode()
        found |= {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}
    return found


def secret_folder(attempt):
    note = pathlib.Path(attempt) / "secrets"  # there while the folder is
    return pathlib.Path("/dev/shm") / (note.read_text() if note.exists() else "busker-none")


class Watch:
    """Looks at the arguments of every process of the machine, and at the environment of Busker's own."""

    def __init__(self, sought):
        self.pattern = re.compile(b"|".join(re.escape(each) for each in sought))
        self.seen, self.looks, self.ended = set(), 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def look(self):
        while not self.ended.wait(0.01):
            self.looks += 1
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    words = (process / "cmdline").read_bytes()
                    if self.pattern.search(words):
                        self.seen.add(words)
                    program = os.path.basename(words.split(b"\0")[0])
                    if program.startswith(b"busker") and self.pattern.search((process / "environ").read_bytes()):
                        self.seen.add(b"environment of " + words)


def secret(test, *words, value=b""):
    """`busker secret WORDS`, with the value as standard input."""
    return subprocess.run([str(workshop.BUSKER), "secret", words[0], "-C", str(test.service.folder), *words[1:]],
                          input=value, capture_output=True, timeout=60, env=test.environment, check=False)


class Canaries(unittest.TestCase):

    def setUp(self):
        outer = tempfile.TemporaryDirectory()
        self.addCleanup(outer.cleanup)
        self.outer = pathlib.Path(outer.name)
        self.gate, self.reached = self.outer / "gate", self.outer / "reached"
        self.environment = dict(os.environ, XDG_CONFIG_HOME=str(self.outer / "config"))
        self.canaries = make_canaries()
        uses = ", ".join(f'CANARY_{n} = "canary-{n}"' if n % 2 == 0 else
                         f'CANARY_{n} = {{ name = "canary-{n}", as = "environment" }}' for n in range(COUNT))
        self.service = Service(service_file=f"""
name = "shop"
version = "1"
[model]
command = "./model.py ${{ACTION}}"
environment = {{ GATE = "{self.gate}" }}
secrets = {{ {uses} }}
[actions.training]
retries = 1
retry_delay = "10ms"
[actions.application]
command = "./model.py application quietly"
input = "none"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
""")
        self.addCleanup(self.service.close)
        self.service.write("model.py", MODEL.replace("COUNT", str(COUNT)), mode=0o755)
        self.needles = set().union(*map(needles, self.canaries))
        self.said = []  # everything that anybody was told
        self.set_all()

    def busker(self, *words, **options):
        done = self.service.busker(*words, env=self.environment, **options)
        self.said.append(f"busker {words}: {done.stdout}{done.stderr}".encode())
        return done

    def set_all(self):
        for number, value in enumerate(self.canaries):
            done = secret(self, "set", f"canary-{number}", value=value.encode() + b"\n")
            self.said.append(done.stdout + done.stderr)
            self.assertEqual(done.returncode, 0, done.stderr)

    def hits(self, data, needles_of=None):
        return sorted(each for each in needles_of or self.needles if each in data)

    def check_home(self):
        """Everything that is kept, but for the program's own files; and the key of the secrets is not there."""
        key = (self.outer / "config/busker/secret.key").read_bytes().strip()
        own, looked = 0, 0
        for path in self.service.home.rglob("*"):
            inside = path.relative_to(self.service.home).parts
            of_program = "work" in inside or inside[0] == "artifacts"
            if not of_program:
                self.assertEqual(self.hits(os.fsencode(path)), [], path)
            if path.is_symlink() or not path.is_file():
                continue
            data = path.read_bytes()
            self.assertNotIn(key, data, path)
            if of_program:
                own += bool(self.hits(data))
                continue
            looked += 1
            self.assertEqual(self.hits(data), [], path)
        self.assertGreater(looked, 5)
        self.assertGreater(own, 0, "what the program saves itself is its own affair, and shows that the search finds")

    def check_nothing_is_left(self):
        for text in self.said:
            self.assertEqual(self.hits(text), [], text[-2000:].decode(errors="replace"))
        self.check_home()
        for attempt in self.service.attempts():
            self.assertFalse((attempt / "secrets").exists(), attempt)  # it goes after the folder that it names

    def log_of(self, attempt):
        return b"".join(path.read_bytes() for path in sorted(attempt.glob("log*")))

    def check_log(self, attempt):
        """The program did say it all, and nothing else was taken away."""
        log = self.log_of(attempt)
        self.assertGreater(log.count(b"***"), COUNT * 2 * 10)
        self.assertIn(b"all said\n", log)

    def test_the_search_finds_each_form_in_what_was_not_masked(self):
        for value in self.canaries:
            data = value.encode()
            for form in (data, base64.b64encode(b"u:" + data), base64.urlsafe_b64encode(data), data.hex().encode(),
                         urllib.parse.quote(data).encode(), json.dumps(value).encode()):
                self.assertTrue(self.hits(b"x" + form + b"x", needles(value)), form)

    def test_a_run_by_hand_shows_and_keeps_none_of_them(self):
        self.gate.touch()
        with Watch(self.needles) as watch:
            done = self.busker("run", "training")
            self.assertEqual(done.returncode, 1)
            self.assertIn("last output: ***", done.stderr)
            done = self.busker("run", "application")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"output/ holds .*\*\*\*")
        self.assertGreater(watch.looks, 5)
        self.assertEqual(watch.seen, set())
        for words in (["logs"], ["logs", "training"], ["logs", "application"], ["runs", "--json"],
                      ["status", "--json"], ["explain", "training"], ["fsck"], ["validate"], ["models", "--json"]):
            self.busker(*words)
        for words in ["list"], ["list", "--json"]:
            self.said.append(secret(self, *words).stdout)
        self.assertEqual(len(self.service.attempts()), 3)
        for attempt in self.service.attempts():
            self.check_log(attempt)
        self.check_nothing_is_left()

    def crawl(self, address, token):
        """Every GET of the API, as its own document lists them, for everything that there is."""
        def get(path):
            request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {token}"})
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    body = answer.read()
            except urllib.error.HTTPError as error:
                body = error.read()
            self.said.append(path.encode() + b": " + body)
            return body

        document = json.loads(get("/api/v1/openapi.json"))
        runs = [run["id"] for run in json.loads(get("/api/v1/runs"))["runs"]]
        versions = [one["version"] for one in json.loads(get("/api/v1/services/shop/versions"))["versions"]]
        places = {"graph": ["shop:training", "shop:application"], "run": runs, "service": ["shop"],
                  "task": ["training"], "attempt": ["1", "2"], "version": versions, "table": ["shop.predictions"]}
        count = 0
        for route, methods in document["paths"].items():
            if "get" not in methods or route.endswith("/live"):
                continue
            paths = [route]
            for name, values in places.items():
                paths = [path.replace("{" + name + "}", value) for path in paths
                         for value in (values if "{" + name + "}" in path else [""])]
            for path in paths:
                self.assertNotIn("{", path)
                get(path)
                count += 1
        return count

    def up(self):
        output = open(self.outer / "up.out", "ab")
        self.addCleanup(output.close)
        daemon = subprocess.Popen([str(workshop.BUSKER), "up", "-C", str(self.service.folder)], stdout=output,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self.environment,
                                  start_new_session=True)
        self.addCleanup(self.end, daemon)
        before = (self.outer / "up.out").read_text().count("dashboard: ")
        workshop.wait_until(lambda: (self.outer / "up.out").read_text().count("dashboard: ") > before, "it is up", 60)
        return daemon

    def end(self, daemon, how=signal.SIGTERM):
        if daemon.poll() is None:
            daemon.send_signal(how)
        daemon.wait(timeout=60)

    def listen(self, address, token):
        """What viewers are told, until the daemon has gone."""
        def run():
            request = urllib.request.Request(address + "/api/v1/live", headers={"Authorization": f"Bearer {token}"})
            with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=120) as answer:
                for line in answer:
                    self.said.append(line)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def attempt_at_work(self, run, number):
        attempt = self.service.home / "runs" / run / f"training.{number}"
        workshop.wait_until(lambda: self.reached.exists() and self.reached.read_text() == f"{run}/training.{number}",
                            f"attempt {number} has said it all", 120)
        return attempt

    def test_a_daemon_with_a_retry_shows_and_keeps_none_however_it_is_killed(self):
        with Watch(self.needles) as watch:
            first = self.up()
            run = self.busker("start", "training").stdout.strip()
            attempt = self.attempt_at_work(run, 1)
            folder = secret_folder(attempt)
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
            self.assertEqual({path.stat().st_mode & 0o777 for path in folder.iterdir()}, {0o400})
            self.assertEqual(len(list(folder.iterdir())), COUNT // 2)
            workshop.kill(workshop.runner_of(attempt))  # it is lost, and tried again
            attempt = self.attempt_at_work(run, 2)
            self.assertFalse(folder.exists(), "the next runner of the lost attempt has removed it")
            self.end(first, signal.SIGKILL)
            second = self.up()
            self.assertTrue(secret_folder(attempt).exists(), "what runs goes on")
            address = re.findall(r"dashboard: (http://[^/\s]+)", (self.outer / "up.out").read_text())[-1]
            made = subprocess.run([str(workshop.BUSKER), "token", "create", "-C", str(self.service.folder), "reader"],
                                  capture_output=True, text=True, env=self.environment, timeout=60, check=True)
            token = made.stdout.strip()
            listening = self.listen(address, token)
            self.crawl(address, token)
            self.gate.touch()
            self.busker("wait", "training", "--limit", "60s")
            self.assertGreater(self.crawl(address, token), 15)
            for words in (["logs"], ["explain", run], ["runs", "--json"], ["status", "--json"]):
                self.busker(*words)
            self.check_log(attempt)
            self.assertIn("ended with exit code 3; last output: ***", self.busker("runs", "--json").stdout)
            self.check_nothing_is_left()
            self.end(second)
            listening.join(timeout=30)
        self.assertEqual(watch.seen, set())
        self.said.append((self.outer / "up.out").read_bytes())
        self.check_nothing_is_left()


class Verbs(unittest.TestCase):

    def setUp(self):
        outer = tempfile.TemporaryDirectory()
        self.addCleanup(outer.cleanup)
        self.outer = pathlib.Path(outer.name)
        self.environment = dict(os.environ, XDG_CONFIG_HOME=str(self.outer / "config"))
        self.service = Service(training="cat $KEY_FILE > output/model.txt\n", service_file="""
name = "shop"
[model]
command = "./model.sh ${ACTION}"
[actions.training]
secrets.KEY_FILE = "api-key"
""")
        self.addCleanup(self.service.close)

    def validate(self):
        return self.service.busker("validate", env=self.environment).stdout

    def run_training(self):
        return self.service.busker("run", "training", env=self.environment)

    def test_one_that_is_not_set_fails_the_run_with_what_to_do(self):
        self.assertIn('secret "api-key" is not set yet; busker secret set api-key sets it', self.validate())
        done = self.run_training()
        self.assertEqual(done.returncode, 1)
        self.assertIn('secret "api-key" is not set; set it with: busker secret set api-key', done.stderr)
        self.assertEqual(secret(self, "set", "api-key", value=b"hunter2!\n").returncode, 0)
        self.assertNotIn("api-key", self.validate())
        self.assertEqual(self.run_training().returncode, 0)
        [model] = self.service.home.glob("artifacts/shop/1/training/*/model.txt")
        self.assertEqual(model.read_text(), "hunter2!", "without the line end")
        self.assertEqual(secret(self, "remove", "api-key").returncode, 0)
        self.assertEqual(self.run_training().returncode, 1)
        self.assertEqual(secret(self, "remove", "api-key").returncode, 3)

    def test_another_key_fails_the_run_and_says_so(self):
        secret(self, "set", "api-key", value=b"hunter2!")
        (self.outer / "config/busker/secret.key").write_text("ab" * 32)
        done = self.run_training()
        self.assertEqual(done.returncode, 1)
        self.assertIn("is another key than the one that the secrets in", done.stderr)

    def test_a_key_that_others_can_read_fails_the_run_and_says_so(self):
        secret(self, "set", "api-key", value=b"hunter2!")
        (self.outer / "config/busker/secret.key").chmod(0o644)
        done = self.run_training()
        self.assertEqual(done.returncode, 1)
        self.assertIn("others may read or write", done.stderr)
        self.assertIn("chmod 600", done.stderr)

    def test_one_that_could_not_be_masked_is_refused(self):
        for value in b"", b"12345", b"12345\n":
            done = secret(self, "set", "api-key", value=value)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"could not be masked", done.stderr)
        done = secret(self, "set", "api-key", value=b"x" * (64 * 1024 + 2))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(secret(self, "set", "api-key", value=b"x" * (64 * 1024) + b"\n").returncode, 0)

    def test_changes_are_on_record_by_name(self):
        self.run_training()
        secret(self, "set", "api-key", value=b"hunter2!")
        secret(self, "remove", "api-key")
        listed = json.loads(secret(self, "list", "--json").stdout)
        self.assertEqual(listed, [])
        with contextlib.closing(sqlite3.connect(self.service.home / "busker.db")) as database:
            events = database.execute("SELECT what, actor, detail FROM events WHERE what LIKE 'secret%'").fetchall()
        person = getpass.getuser()
        self.assertEqual(events, [(what, person, "api-key") for what in
                                  ("secret set requested", "secret set", "secret remove requested", "secret removed")])
        self.assertEqual(self.service.busker("fsck").returncode, 0)

    def type(self, *lines):
        """Types the lines at a terminal; the exit code, and all that it showed."""
        process, terminal = pty.fork()
        if process == 0:
            os.execve(workshop.BUSKER, ["busker", "secret", "set", "-C", str(self.service.folder), "api-key"],
                      self.environment)
        shown = b""
        for question, line in zip((b"value of api-key: ", b"once more: "), lines):
            while not shown.endswith(question):
                shown += os.read(terminal, 1024)
            os.write(terminal, line)
        with contextlib.suppress(OSError):
            while data := os.read(terminal, 1024):
                shown += data
        status = os.waitpid(process, 0)[1]
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), shown

    def test_a_terminal_is_asked_twice_and_shows_nothing(self):
        code, shown = self.type(b"hunter2!\n", b"hunter2!\n")
        self.assertEqual(code, 0, shown)
        self.assertNotIn(b"hunter2", shown)
        self.assertEqual(self.run_training().returncode, 0)
        code, shown = self.type(b"hunter2!\n", b"hunter3!\n")
        self.assertEqual(code, 2)
        self.assertIn(b"the two differ; nothing was set", shown)
        told = b""
        for _ in range(20):  # also when it comes at once, before anybody waits for it
            code, shown = self.type(b"\x03")
            self.assertEqual(code, 1)
            told += shown  # the terminal drops at an interruption what is on its way, now and then this, too
        self.assertIn(b"interrupted; nothing was set", told)


if __name__ == "__main__":
    unittest.main()
