"""What Busker writes for itself it can read again, whatever names, paths and numbers people give it."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import workshop

GRAPH = {"graph": {"dag_id": "hello"}, "tasks": [{"name": "greet", "code": "echo hello"}], "dependencies": []}


class Written(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def graphs(self, name):
        configs = self.folder / name / "configs"
        configs.mkdir(parents=True)
        (configs / "hello.json").write_text(json.dumps(GRAPH))
        return configs.parent

    def busker(self, *words, **options):
        return subprocess.run([str(workshop.BUSKER), *words], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, **options)

    @contextlib.contextmanager
    def up(self, *words):
        log = self.folder / "up.out"
        with open(log, "w") as output:
            up = subprocess.Popen([str(workshop.BUSKER), "up", *words], stdout=output, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL)
        try:
            workshop.wait_until(lambda: "dashboard: " in log.read_text() or up.poll() is not None, "busker is up")
            yield re.search(r"dashboard: (http://[^/\s]+)", log.read_text())[1]
        finally:
            up.terminate()
            up.wait(timeout=30)

    # The folder that a home's name ends with was read without its blank: verbs in it found no home.
    def test_a_home_is_found_whatever_its_name(self):
        for name in ("home ", " home", "a home"):
            with self.subTest(name):
                folder, home = self.graphs(f"graphs of {name}"), self.folder / name
                with self.up(str(folder), "--home", str(home)):
                    pass
                done = self.busker("status", "-C", str(folder), "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((folder / ".busker/home").read_text().splitlines()[0], str(home))

    # A path with a line end was kept as two paths, neither of which was there.
    def test_a_path_that_could_not_be_kept_is_refused(self):
        folder = self.graphs("two\nlines")
        done = self.busker("up", str(folder), "--home", str(self.folder / "home"))
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("has a line end in it; rename the folder", done.stderr)

    # One token, made by who may make tokens, locked everybody out.
    def test_no_token_locks_out_the_others(self):
        home = self.folder / "home"
        with self.up(str(self.graphs("graphs")), "--home", str(home)) as address:
            made = self.busker("token", "create", "admin", "--scope", "admin", "--home", str(home))
            self.assertEqual(made.returncode, 0, made.stderr)

            def ask(path, body=None):
                request = urllib.request.Request(address + path, data=None if body is None else json.dumps(body).encode(),
                                                 headers={"Authorization": f"Bearer {made.stdout.strip()}",
                                                          "Content-Type": "application/json"})
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        return answer.status
                except urllib.error.HTTPError as refused:
                    with refused:
                        return refused.code

            for confines in (["a\0b"], ["\ud800"], ["a b"], ["é"], ["a\nb"], [""]):
                self.assertEqual(ask("/api/v1/tokens", {"name": "x", "confines": confines}), 400, confines)
            names = [f"{'a' * 196}{index}" for index in range(1000, 5700)]
            large = self.busker("token", "create", "large", "--scope", "viewer", "--home", str(home),
                                *(word for name in names for word in ("--only", name)))
            self.assertEqual(large.returncode, 0, large.stderr)
            statuses = [ask("/api/v1/tokens", {"name": f"t{number}", "confines": names[:100]}) for number in range(5)]
            self.assertEqual(set(statuses), {201, 400}, "until there is no more room, and not beyond")
            self.assertEqual(ask("/api/v1/me"), 200)
            self.assertEqual(ask("/api/v1/tokens/t0/revoke", {}), 200)
        self.assertEqual(self.busker("token", "list", "--home", str(home)).returncode, 0)


if __name__ == "__main__":
    unittest.main()
