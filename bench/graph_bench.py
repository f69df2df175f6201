#!/usr/bin/env python3
"""What the engine costs: graph files through `busker up`, all of it durable, beside a floor that only
starts the same shell commands and waits for them (spawn_floor), make, ninja and GNU parallel.

  graph_bench [PART...]     wide, chain, follow, gap, due, actions, past, adopt: by default all of them

Every part is measured in interleaved rounds of one run; what is shown are medians and ratios. On a
machine that has other work, `chrt -r 1` before it keeps that work out of the way of all that is
compared. Homes are removed at the very end: for a minute after files were removed, ext4 is slow to
make others.
"""

import atexit
import json
import os
import pathlib
import pty
import shutil
import signal
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
BUSKER = HERE.parent / "busker"
CORES = os.cpu_count()
ROUNDS = int(os.environ.get("GRAPH_BENCH_ROUNDS", "7"))
WIDE = 1000
CHAIN = 40
LINES = 1_000_000
SCHEDULES = 10_000
SERVICES = 100
PAST = 100_000
RUNNING = 1000


def graph(name, tasks, after=(), schedule=None, code="true"):
    about = {"dag_id": name}
    if schedule:
        about |= {"schedule_interval": schedule, "catchup": False}
    return json.dumps({"graph": about,
                       "tasks": [{"name": task, "code": code} for task in tasks],
                       "dependencies": list(after)})


class Home:
    """A folder of graph files, and a busker that is up there."""

    def __init__(self, slots=CORES):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="busker-bench-", dir=scratch()))
        self.graphs = self.folder / "scheduler" / "configs"
        self.home = self.folder / "home"
        self.graphs.mkdir(parents=True)
        self.home.mkdir()
        (self.home / "daemon.toml").write_text(f"slots = {slots}\n")
        self.up = None

    def start(self, **environment):
        """Milliseconds from the start of the process to its line that says that it is ready."""
        begun = time.perf_counter()
        self.up = subprocess.Popen([BUSKER, "up", self.folder / "scheduler", "--home", self.home],
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                   env=os.environ | environment)
        atexit.register(self.up.kill)
        line = self.up.stdout.readline()
        ready = (time.perf_counter() - begun) * 1000
        assert " is up: " in line, line
        threading.Thread(target=self.up.stdout.read, daemon=True).start()
        return ready

    def verb(self, *words):
        done = subprocess.run([BUSKER, *words, "--home", self.home], capture_output=True, text=True)
        assert done.returncode == 0, f"busker {words[0]}: {done.stderr}"
        return done.stdout.strip()

    def run(self, name):
        """Milliseconds of a run from `busker start` to the end of `busker wait`; of them on record."""
        begun = time.perf_counter()
        run = self.verb("start", name)
        self.verb("wait", name, "--run", run)
        took = (time.perf_counter() - begun) * 1000
        with sqlite3.connect(f"file:{self.home}/busker.db?mode=ro", uri=True) as record:
            requested, ended, state = record.execute(
                "SELECT requested_at, ended_at, state FROM runs WHERE id = ?", [run]).fetchone()
        assert state == "succeeded", state
        return took, ended - requested

    def newest(self):
        """Milliseconds of the newest run, on record."""
        with sqlite3.connect(f"file:{self.home}/busker.db?mode=ro", uri=True) as record:
            started, ended = record.execute(
                "SELECT started_at, ended_at FROM runs ORDER BY requested_at DESC LIMIT 1").fetchone()
        return ended - started

    def stop(self):
        if self.up:
            self.up.send_signal(signal.SIGTERM)
            self.up.wait()
            atexit.unregister(self.up.kill)
            self.up = None


def scratch():
    """On the disk that the build is on: what is measured is to be durable."""
    folder = HERE / "scratch"
    folder.mkdir(exist_ok=True)
    return folder


def took(words, **options):
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **options)
    return (time.perf_counter() - begun) * 1000


def floor(count, workers, code="true", **environment):
    return float(subprocess.run([HERE / "spawn_floor", str(count), str(workers), code], check=True,
                                capture_output=True, env=os.environ | environment).stdout)


def make(folder, count, chained):
    """A Makefile whose commands are programs that make starts without a shell of its own."""
    lines = ["all: " + " ".join(f"t{i}" for i in range(count))]
    for i in range(count):
        lines += [f"t{i}:" + (f" t{i - 1}" if chained and i else ""), "\t@bash -c true"]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")
    return took(["make", f"-j{CORES}"], cwd=folder)


def ninja(folder, count, chained):
    lines = ["rule task", "  command = bash -c true"]
    for i in range(count):
        lines.append(f"build t{i}: task" + (f" t{i - 1}" if chained and i else ""))
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")
    return took(["ninja", f"-j{CORES}"], cwd=folder)


def parallel(count):
    return took(["parallel", f"-j{CORES}", "-n0", "true", ":::", *map(str, range(count))],
                env=os.environ | {"PARALLEL_SHELL": shutil.which("bash")})


def compare(title, count, chained, goal):
    home = Home()
    names = [f"t{i}" for i in range(count)]
    after = [[names[i], names[i - 1]] for i in range(1, count)] if chained else []
    (home.graphs / "graph.json").write_text(graph("graph", names, after))
    home.start()
    rows = {"floor: posix_spawn and wait": lambda: floor(count, 1 if chained else CORES),
            "busker, start to wait": None, "busker, on record": None,
            f"make -j{CORES}": lambda: make(home.folder, count, chained),
            f"ninja -j{CORES}": lambda: ninja(home.folder, count, chained)}
    if not chained:
        rows[f"parallel -j{CORES}"] = lambda: parallel(count)
    spent = {name: [] for name in rows}
    home.run("graph")  # the first makes what all use
    for _ in range(ROUNDS):
        for name, measure in rows.items():
            if measure:
                spent[name].append(measure())
            elif name == "busker, start to wait":
                both = home.run("graph")
                spent[name].append(both[0])
                spent["busker, on record"].append(both[1])
    home.stop()
    print(f"\n{title}: medians of {ROUNDS} rounds")
    least = statistics.median(spent["floor: posix_spawn and wait"])
    for name, values in spent.items():
        value = statistics.median(values)
        ratios = [mine / base for mine, base in zip(values, spent["floor: posix_spawn and wait"])]
        print(f"  {name:<30}{value:9.1f} ms {count / value * 1000:7.0f}/s   {value / least:5.2f} x "
              f"the floor's time, {least / value:5.2f} x its rate   (by rounds "
              f"{min(ratios):.2f}-{max(ratios):.2f})" + (goal if name.endswith("wait") and
                                                       name.startswith("busker") else ""))


def seen(words):
    """Milliseconds of a command whose output goes to a terminal, and what it wrote there."""
    ours, its = pty.openpty()
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=its, stderr=its)
    os.close(its)
    parts = []
    try:
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    except OSError:  # the other end was closed
        pass
    spent = (time.perf_counter() - begun) * 1000
    os.close(ours)
    assert process.wait() == 0, words
    return spent, b"".join(parts)


def follow():
    """A run that is looked at in a terminal, and the same one with --quiet, in turns. A terminal takes its time for
    a million lines; what the run itself takes is on record."""
    chatty = f"python3 -c 'for i in range({LINES}): print(\"line\", i)'"
    for title, tasks, code, least in [(f"{WIDE:,} tasks of `true`", WIDE, "true", 3 * WIDE),
                                      (f"one task of {LINES:,} lines", 1, chatty, LINES)]:
        home = Home()
        file = home.graphs / "graph.json"
        file.write_text(graph("graph", [f"t{i}" for i in range(tasks)], code=code))
        words = [BUSKER, "graph", "run", file, "--home", home.home]
        seen([*words, "-q"])  # the first makes what all use
        spent = {"with --quiet": [], "followed": []}
        for _ in range(ROUNDS):
            for way, more in (("with --quiet", ["-q"]), ("followed", [])):
                took, shown = seen([*words, *more])
                assert more or shown.count(b"\n") >= least
                spent[way].append((took, home.newest()))
        print(f"\n{title}, followed in a terminal: medians of {ROUNDS} rounds")
        for index, what in enumerate(["start to last line", "the run, on record"]):
            quiet, followed = ([both[index] for both in spent[way]] for way in spent)
            ratios = [one / base for one, base in zip(followed, quiet)]
            print(f"  {what:<20} with --quiet {statistics.median(quiet):8.1f} ms   followed "
                  f"{statistics.median(followed):8.1f} ms   {statistics.median(ratios):.2f} x   (by rounds "
                  f"{min(ratios):.2f}-{max(ratios):.2f}" + ("; goal: 1.15 x)" if index or tasks > 1 else ")"))


def instants(file):
    data = file.read_bytes()
    file.unlink()
    return sorted(struct.iter_unpack("<qq", data))


def gaps(file):
    pairs = instants(file)
    return [(later[0] - earlier[1]) / 1000 for earlier, later in zip(pairs, pairs[1:])]


def gap():
    """From the last instruction of a task to the first of the next, which a static program notes."""
    home = Home()
    programs = home.folder / "bin"
    programs.mkdir()
    (programs / "bash").symlink_to(HERE.resolve() / "stamp")
    path = f"{programs}:{os.environ['PATH']}"
    file = home.folder / "instants"
    names = [f"t{i}" for i in range(CHAIN)]
    (home.graphs / "graph.json").write_text(
        graph("graph", names, [[names[i], names[i - 1]] for i in range(1, CHAIN)], code=str(file)))
    home.start(PATH=path)
    ours, least = [], []
    for _ in range(ROUNDS):
        home.run("graph")
        ours += gaps(file)
        floor(CHAIN, 1, str(file), PATH=path)
        least += gaps(file)
    home.stop()
    print(f"\ntask end to next exec, {CHAIN - 1} gaps of {ROUNDS} chains of a static program")
    for name, values in [("floor: wait and posix_spawn", least), ("busker", ours)]:
        values.sort()
        print(f"  {name:<30} p50 {statistics.median(values):6.0f} us   p99 "
              f"{values[int(len(values) * 0.99)]:6.0f} us"
              + ("   (goal: p50 200 us)" if name == "busker" else ""))


def status(process, name):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])


def ticks(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def committed(home, due, count):
    """When the runs of an instant could be read from the record, in milliseconds after it: by
    another process, which sees commits only and looks every half millisecond."""
    record = sqlite3.connect(f"file:{home.home}/busker.db?mode=ro", uri=True)
    record.execute("SELECT count(*) FROM runs").fetchone()
    version = record.execute("PRAGMA data_version").fetchone()
    time.sleep(max(0, due - time.time() - 0.005))
    lags = []
    while len(lags) < count and time.time() < due + 60:
        now = record.execute("PRAGMA data_version").fetchone()
        seen = time.time()
        if now == version:
            time.sleep(0.0005)
            continue
        version = now
        there = record.execute("SELECT count(*) FROM runs").fetchone()[0]
        lags += [(seen - due) * 1000] * (there - len(lags))
    assert len(lags) == count, len(lags)
    return lags


def write_graphs(home, cron):
    for i in range(SCHEDULES):
        (home.graphs / f"g{i}.json").write_text(graph(f"g{i}", ["only"], schedule=cron))


def write_actions(home, cron):
    """Services whose actions begin with the live version, so that preparing each reads the artifact store."""
    of_each = SCHEDULES // SERVICES
    for i in range(SERVICES):
        folder = home.folder / "scheduler" / f"s{i}"
        folder.mkdir()
        actions = "".join(f'[actions.a{j}]\nschedule = "{cron}"\ninput = "live"\n' for j in range(of_each))
        (folder / "busker.toml").write_text(f'name = "s{i}"\nversion = "1"\n[model]\ncommand = "true"\n{actions}')


def due(what="schedules of graph files", write=write_graphs):
    rounds = []
    for number in range(max(1, ROUNDS // 2)):
        idle = 30 if number == 0 and write is write_graphs else 0
        home = Home(slots=1)
        at = (int(time.time()) + 25 + idle) // 60 * 60 + 60
        when = time.gmtime(at)
        write(home, f"{when.tm_min} {when.tm_hour} * * *")
        ready = home.start()
        time.sleep(3)
        if idle:
            before = ticks(home.up.pid)
            time.sleep(idle)
            spent = (ticks(home.up.pid) - before) * 1000 / os.sysconf("SC_CLK_TCK")
            print(f"\na daemon with {SCHEDULES:,} {what}, idle")
            print(f"  ready after {ready:.0f} ms")
            print(f"  resident {status(home.up.pid, 'VmRSS') / 1024:.1f} MB   (goal: at most 40)")
            print(f"  CPU in {idle} s: {spent:.0f} ms   (goal: none that top can see)")
        assert time.time() < at, "too slow for its minute"
        lags = sorted(committed(home, at, SCHEDULES))
        rounds.append((lags[len(lags) // 2], lags[int(len(lags) * 0.99)], lags[-1]))
        home.up.kill()
        home.up.wait()
        home.up = None
    p50, p99, most = (statistics.median(values) for values in zip(*rounds))
    print(f"\n{SCHEDULES:,} {what} due in the same second, from due to readable by another process: "
          f"medians of {len(rounds)} rounds")
    print(f"  p50 {p50:.0f} ms   p99 {p99:.0f} ms   most {most:.0f} ms   (goal: p99 100 ms; p99 by "
          "rounds " + ", ".join(f"{one[1]:.0f}" for one in rounds) + ")")


def past():
    home = Home()
    (home.graphs / "graph.json").write_text(graph("graph", ["only"], schedule="0 0 1 1 *"))
    bare = []
    for _ in range(ROUNDS):
        bare.append(home.start())
        home.stop()
    subprocess.run([HERE / "past_runs", home.home / "busker.db", "graph", str(PAST)], check=True)
    ready = []
    for _ in range(ROUNDS):
        ready.append(home.start())
        home.stop()
    home.stop()
    print(f"\nfrom the start of the process to ready: medians of {ROUNDS}")
    print(f"  no run on record              {statistics.median(bare):6.1f} ms")
    print(f"  {PAST:,} past runs on record  {statistics.median(ready):6.1f} ms   (goal: at most 200)")


def children(process):
    """Of the runners of a daemon, how many have a command."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout.split()
    return sum(pathlib.Path(f"/proc/{runner}/task/{runner}/children").read_text() != "" for runner in found)


def adopt():
    """A daemon that was killed, and how long the next one takes to have all that runs again."""
    home = Home(slots=RUNNING)
    names = [f"t{i}" for i in range(RUNNING)]
    (home.graphs / "graph.json").write_text(graph("graph", names, code="sleep 600"))
    home.start()
    ready = []
    for _ in range(max(1, ROUNDS // 2)):
        run = home.verb("start", "graph")
        limit = time.time() + 120
        while children(home.up.pid) < RUNNING:
            assert time.time() < limit, "they do not all run"
            time.sleep(0.5)
        home.up.kill()
        home.up.wait()
        ready.append(home.start())
        home.verb("cancel", run)
        done = subprocess.run([BUSKER, "wait", "graph", "--run", run, "--home", home.home], capture_output=True)
        with sqlite3.connect(f"file:{home.home}/busker.db?mode=ro", uri=True) as record:
            ends = dict(record.execute("SELECT ending, count(*) FROM attempts WHERE run = ? GROUP BY ending", [run]))
        assert ends == {"cancelled": RUNNING}, (ends, done.stderr)
    home.stop()
    print(f"\n{RUNNING:,} attempts that run while the daemon is killed: from the start of the next to all adopted")
    print(f"  median of {len(ready)} {statistics.median(ready):8.1f} ms   (goal: at most 1,000)")


def main():
    parts = {
        "wide": lambda: compare(f"{WIDE:,} independent tasks, `true`, {CORES} at once", WIDE, False,
                                "   (goal: 0.6 x its rate)"),
        "chain": lambda: compare(f"a chain of {CHAIN} tasks, `true`", CHAIN, True,
                                 "   (goal: 1.5 x its time)"),
        "follow": follow, "gap": gap, "due": due,
        "actions": lambda: due("schedules of service actions", write_actions), "past": past, "adopt": adopt}
    try:
        for name in sys.argv[1:] or parts:
            parts[name]()
            sys.stdout.flush()
    finally:
        shutil.rmtree(scratch(), ignore_errors=True)


if __name__ == "__main__":
    main()
