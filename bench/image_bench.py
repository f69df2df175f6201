#!/usr/bin/env python3
"""What busker build takes for examples/python without Docker, to a registry on this machine (Debian's docker-registry): the first time,
when nothing changed, and after one line of source changed. Needs script/setup image, and an index of packages for the first."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUSKER = pathlib.Path(__file__).parent.parent / "busker"
sys.path.insert(0, str(HERE.parent / "tests"))
os.environ.setdefault("BUSKER_BUILD", str(BUSKER.parent.resolve()))

import registry  # noqa: E402

ROUNDS = 7
SETTINGS = """
[image]
base = "{name}/python:1"
python = "3.11"

[targets.docker]
executor = "docker://"
image = "{name}/example"
"""


def build(folder):
    begun = time.perf_counter()
    done = subprocess.run([str(BUSKER), "build", "-C", str(folder), "--json"], capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    assert done.returncode == 0, done.stderr
    return took, json.loads(done.stdout)


def show(what, times, facts, goal=""):
    print(f"  {what:<34} {statistics.median(times):7.2f} s   layers sent {facts['layers_sent']}, {facts['bytes_sent']:,} bytes   {goal}", flush=True)


def main():
    there = registry.Registry()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-bench-")) / "python"
    try:
        there.put_base("python:1", registry.python_base())
        source = HERE.parent / "examples/python"
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".venv", ".busker"))
        (folder / "busker.toml").write_text(SETTINGS.format(name=there.name))
        print(f"busker build of examples/python: medians of {ROUNDS}")
        took, facts = build(folder)
        show("the first time, with pip", [took], facts)
        rounds = [build(folder) for _ in range(ROUNDS)]
        show("nothing changed", [took for took, _ in rounds], rounds[0][1], "(goal: under 2 s)")
        rounds = []
        for number in range(ROUNDS):
            with open(folder / "source/prediction/model.py", "a") as model:
                model.write(f"# {number}\n")
            rounds.append(build(folder))
        show("one line of source changed", [took for took, _ in rounds], rounds[0][1], "(goal: at most 3 s)")
    finally:
        there.close()
        shutil.rmtree(folder.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
