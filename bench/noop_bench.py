#!/usr/bin/env python3
"""What Busker costs: an action that does next to nothing (`touch output/model`) through `busker run`,
beside the bare command, in one run.

The floor is the same command started and waited for without Busker. Goal: at most 40 ms more. The
parts are medians of the instants on record (whole milliseconds). The second table is a training with
a promotion, whose gate runs as a task of its own.
"""

import datetime
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

BUSKER = pathlib.Path(__file__).parent.parent / "busker"
ROUNDS = 40


def service(promote):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-bench-"))
    (folder / "busker.toml").write_text(f"""
name = "noop"
version = "1"
[model]
command = "touch output/model"
[actions.training]
promote = {promote}
""")
    return folder


def took(words):
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def parts(folder):
    """Milliseconds of each part of the recorded runs of one folder, by name."""
    listed = subprocess.run([BUSKER, "runs", "-C", folder, "--json", "-n", str(ROUNDS)],
                            check=True, capture_output=True, text=True).stdout
    spent = {}
    for run in json.loads(listed):
        attempts = [task["attempts"][0] for task in run["tasks"]]
        last = instant(run["requested_at"])
        for task, attempt in zip(run["tasks"], attempts):
            for name, key in [("plan, record", "launched_at"), ("launch the runner", "started_at"),
                              ("load, start the command", "command_started_at"),
                              ("the command", "command_ended_at"), ("save, exit record", "ended_at")]:
                spent.setdefault(f"{task['name']}: {name}", []).append(instant(attempt[key]) - last)
                last = instant(attempt[key])
        spent.setdefault("record the end", []).append(instant(run["ended_at"]) - last)
    return {name: statistics.median(values) for name, values in spent.items()}


def main():
    version = [took([BUSKER, "--version"]) for _ in range(ROUNDS)]
    print(f"busker --version            {statistics.median(version):6.1f} ms   (goal: under 10)")
    for title, promote in [("a no-op action", "false"), ("the same with its promotion", "true")]:
        folder = service(promote)
        bare, through = [], []
        run = [BUSKER, "run", "training", "-C", folder, "--quiet"]
        took(run)  # makes the home
        for _ in range(ROUNDS):
            bare.append(took(["touch", folder / "model"]))
            through.append(took(run))
        floor, ours = statistics.median(bare), statistics.median(through)
        print(f"\n{title}: medians of {ROUNDS}")
        print(f"  bare command              {floor:6.1f} ms")
        print(f"  through busker run        {ours:6.1f} ms   {ours - floor:+.1f} ms"
              + ("   (goal: at most +40)" if promote == "false" else ""))
        known = parts(folder)
        for name, value in known.items():
            print(f"    {name:<34}{value:6.1f} ms")
        rest = ours - sum(known.values())
        print(f"    {'start and end of busker itself':<34}{rest:6.1f} ms")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
