"""python3 -m tests.cloud [--project NAME] [--docker SOCKET] [--without-guests] [--folder FOLDER]

Prints one line of JSON that says where what is, and serves until it is told to end (SIGTERM, SIGINT, or the end of its
standard input with --while-stdin)."""

import argparse
import json
import signal
import sys
import tempfile
import threading

from .world import PROJECT, World


def main():
    options = argparse.ArgumentParser(prog="python3 -m tests.cloud", description="A strict stand-in for Google Cloud.")
    options.add_argument("--project", default=PROJECT)
    options.add_argument("--docker", help="the socket of the Docker engine on which VMs run their containers")
    options.add_argument("--without-guests", action="store_true", help="VMs run nothing: a test plays what would run there")
    options.add_argument("--folder", help="where the VMs have their files (a temporary folder)")
    options.add_argument("--while-stdin", action="store_true", help="end when standard input does, as when the parent died")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="busker-cloud-") as folder:
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        world = World(chosen.project, chosen.docker, chosen.folder or folder, not chosen.without_guests)
        print(json.dumps(world.places()), flush=True)
        if chosen.while_stdin:
            threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
        ended.wait()
        world.close()


if __name__ == "__main__":
    main()
