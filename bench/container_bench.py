#!/usr/bin/env python3
"""Busker's own part of an attempt in a container, over the bare container, at a Docker engine and a Podman of the bench's own
(needs root and script/setup docker); and how soon a busker that is started after a kill has taken a running container up."""

import json
import pathlib
import statistics
import subprocess
import sys
import time

BUILD = pathlib.Path(__file__).parent.parent
SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
sys.dont_write_bytecode = True

import engine  # noqa: E402
import workshop  # noqa: E402

ROUNDS = 40
ADOPTIONS = 10
TARGET = """
[targets.docker]
executor = "docker://{socket}?network=none"
image = "adopted"
"""


def adoption(docker):
    """Seconds from the start of a busker until the run is over whose program ended as that busker began."""
    took = []
    for _ in range(ADOPTIONS):
        service = workshop.Service(training="touch ../begun; while ! test -e ../go; do sleep 0.01; done; echo m > output/model.txt; "
                                   "echo '{\"auc\": 1}' > output/metrics.json")
        docker.make_image("adopted:1", service.folder)
        service.write("busker.toml", workshop.SERVICE_FILE + TARGET.format(socket=docker.socket))
        run = service.start("run", "training", "--target", "docker")
        workshop.wait_until(lambda: service.attempts() and (service.attempts()[0] / "begun").exists(), "the program runs")
        run.kill()
        run.communicate()
        attempt, = service.attempts()
        begun = time.monotonic()
        wait = service.start("wait", json.loads(service.must("runs", "--json"))[0]["id"])
        (attempt / "go").touch()
        assert wait.wait(60) == 0, wait.stdout.read()
        took.append(time.monotonic() - begun)
        wait.stdout.close()
        service.close()
    return statistics.median(took)


def main():
    for name, make in (("Docker", engine.Docker), ("Podman", engine.Podman)):
        tested = make()
        try:
            tested.make_image("busker-test:1")
            print(f"{name} {json.loads(tested.call('GET', '/version')[1])['Version']}: medians of {ROUNDS}", flush=True)
            subprocess.run([BUILD / "bench" / "container_cost", tested.socket, "busker-test:1", str(ROUNDS)], check=True)
            if name == "Docker":
                print(f"  taken up by the next busker, and over {adoption(tested):7.2f} s   (of {ADOPTIONS}; goal: 1)", flush=True)
        finally:
            tested.close()


if __name__ == "__main__":
    main()
