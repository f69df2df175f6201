"""What busker says to somebody who mistyped, or wrote what is valid and not meant."""

import subprocess
import unittest

import workshop
from workshop import BUSKER, Service


def busker(*words, **options):
    return subprocess.run([str(BUSKER), *words], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **options)


class WordsTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def says(self, code, sentence, *words):
        done = busker(*words, cwd=self.service.folder)
        self.assertEqual((done.returncode, sentence in done.stderr), (code, True), (words, done.stderr, done.stdout))

    def test_an_unknown_command_is_called_so(self):
        # "A subcommand is required" was said of a verb that was given.
        self.says(2, 'unknown command "frobnicate"; see busker --help', "frobnicate")
        self.says(2, 'unknown command "modles"; did you mean "models"?', "modles")
        self.says(2, 'unknown command "training"; did you mean "busker run training"?', "training")
        self.says(2, 'unknown command "trian"; did you mean "busker run training"?', "trian")
        self.says(2, "unknown option --hlep; did you mean --help?", "run", "--hlep")
        self.says(2, "unknown option --datte; did you mean --date?", "run", "training", "--datte=2019-08-01")
        self.says(2, "unknown option --frobnicate; see busker token --help", "token", "list", "--frobnicate")
        self.says(2, "ACTION is required; see busker run --help", "run")
        self.says(2, 'unknown command "modles"; did you mean "models"?', "help", "modles")  # all of --help was shown
        self.says(2, 'unknown command "modles"; did you mean "models"?', "modles", "--help")
        self.says(2, "unknown command", "-C", str(self.service.folder), "frobnicate")

    def test_help_is_a_verb_and_common_options_come_before_verbs(self):
        for words, part in ((["help"], "busker VERB --help"), (["help", "run"], "--date"),
                            (["help", "token", "create"], "--scope")):
            done = busker(*words)
            self.assertEqual((done.returncode, part in done.stdout), (0, True), done.stdout + done.stderr)
        self.assertEqual(busker("-C", str(self.service.folder), "--json", "status").stdout,
                         busker("status", "-C", str(self.service.folder), "--json").stdout)
        self.service.busker("run", "training")
        self.assertEqual(busker("--home", str(self.service.home), "token", "list", cwd=self.service.folder).returncode, 0)

    def test_what_is_not_found_is_said_with_what_was_meant(self):
        self.says(3, 'no action or graph "trainng"; did you mean "training"?', "run", "trainng")
        self.says(3, 'no action or graph "zzz"; there are application, training', "run", "zzz")
        self.says(2, '"soon" is not a date; use YYYY-MM-DD, such as 2019-08-01', "run", "training", "--date", "soon")
        self.service.must("run", "training", "-q")
        self.says(3, 'no run "zzz", and no action or graph "zzz"; there are application, training', "logs", "zzz")
        self.says(2, 'no state "gone"; choose queued, running', "runs", "--state", "gone")

    def test_status_says_whether_schedules_are_kept(self):
        self.assertIn("busker up is not running: schedules are not kept\n", self.service.must("status"))
        up = self.service.start("up", "-q")
        self.addCleanup(up.stdout.close)
        self.addCleanup(up.wait)
        self.addCleanup(up.terminate)
        workshop.wait_until(lambda: self.service.facts("status")["schedules"], "busker is up")
        self.assertIn(f"busker up is running (process {up.pid})\n", self.service.must("status"))

    def test_a_command_that_wants_a_shell_is_warned_of(self):
        # "echo hi > output/x" was valid, ran without a shell, and succeeded.
        self.service.write("busker.toml", 'name = "shop"\n[actions.b]\ncommand = "echo hi > output/x"\n')
        warning = 'busker.toml:3:11: "command" in [actions.b]: ">" is an ordinary character here: there is no shell'
        done = busker("validate", cwd=self.service.folder)
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"busker: warning: {warning}", done.stderr)
        self.assertIn("all is well", done.stdout)
        facts = self.service.facts("validate")
        self.assertEqual((facts["valid"], facts["faults"], len(facts["warnings"])), (True, [], 1))
        self.assertEqual(self.service.busker("run", "b").stderr.count(warning), 1)
        self.service.write("busker.toml", """name = "shop"\n[actions.b]\ncommand = "sh -c 'echo hi > output/x'"\n""")
        self.assertEqual(busker("validate", cwd=self.service.folder).stderr, "")

    def test_a_cron_expression_of_another_program_is_told_what_to_write(self):
        self.says(2, 'write time_zone = "Europe/Berlin" and schedule = "0 5 * * *"', "next", "TZ=Europe/Berlin 0 5 * * *")
        self.says(2, 'a no-break space (U+00A0) behind "0", at character 2', "next", "0\u00a08\u00a0*\u00a0*\u00a0*")


if __name__ == "__main__":
    unittest.main()
