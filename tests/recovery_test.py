"""What the trials of faults_test.py have found, each as a test of its own."""

import json
import socket
import threading
import unittest

import daemon_home
import workshop
from daemon_home import Home


def calm(say):
    return {"graph": {"dag_id": "calm"}, "tasks": [{"name": "only", "code": say + "true"}]}


class Recovery(unittest.TestCase):
    def setUp(self):
        self.home = Home({"calm": calm}, service=False)
        self.addCleanup(self.home.close)

    def up(self):
        daemon = self.home.up()

        def end():
            daemon.terminate()
            daemon.wait(timeout=20)

        self.addCleanup(end)
        self.home.must_ask(verb="status")
        return daemon

    def test_fsck_examines_the_record_of_graph_files_alone(self):
        """fsck refused a folder without a service, although graph files had run there."""
        self.up()
        run = self.home.must_ask(verb="start", graph="calm")["run"]
        workshop.wait_until(lambda: self.home.ending(run) == "succeeded", "the run has succeeded")
        done = self.home.busker("fsck")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("0 faults in 1 run,", done.stdout)

    def test_a_daemon_that_dies_while_it_is_asked_means_try_again(self):
        """busker start failed with 1 or 3 when the daemon was killed at that moment; it is 75 as elsewhere."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(self.home.home / "socket"))
        listening.listen(4)
        self.addCleanup(listening.close)

        def die():  # what is sent to it is never read, so the other side is reset
            for _ in range(2):
                channel, _ = listening.accept()
                channel.recv(1)
                channel.close()

        dying = threading.Thread(target=die)
        dying.start()
        done = self.home.busker("start", "calm")
        dying.join()
        self.assertEqual(done.returncode, 75, done.stderr)

    def test_starts_with_one_key_at_the_same_moment_are_one_run(self):
        """Two requests with a new key in one turn broke the record's rule that a key is unique."""
        self.up()
        for number in range(5):
            told = []
            barrier = threading.Barrier(16)

            def start():
                barrier.wait()
                told.append(self.home.ask(verb="start", graph="calm", key=f"one-{number}"))

            starting = [threading.Thread(target=start) for _ in range(16)]
            for each in starting:
                each.start()
            for each in starting:
                each.join()
            self.assertEqual({json.dumps(each) for each in told}, {json.dumps(told[0])})
            self.assertIn("run", told[0])


if __name__ == "__main__":
    unittest.main()
