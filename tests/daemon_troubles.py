"""What else a machine does to busker up: a full disk, a clock that is set, a sync that fails, a flood of output.
Part of faults_test.py. Each is a function that returns what went wrong; a list of nothing is good."""

import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import daemon_home
import workshop
from daemon_home import Home

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SPACE = 48 << 20  # bytes of the disk that fills up
RECOVERY_LIMIT = 60  # seconds after there is space again


def end(home, daemon):
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(timeout=daemon_home.END_LIMIT)
        return []
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
        return [f"SIGTERM did not end the daemon within {daemon_home.END_LIMIT} s"]


def finish(home, daemon, others=()):
    """Ends the daemon; what is wrong with what it left."""
    wrong = end(home, daemon) + list(others)
    wrong += home.drain()
    wrong += home.check() if not wrong else []
    return wrong + home.leftovers()


def waits(say):
    """A task that goes on until the test lets it, and one behind it."""
    return {"graph": {"dag_id": "waits", "max_active_runs": 50},
            "tasks": [{"name": "long", "code": say + "until [ -e $(dirname {witness})/go ]; do sleep 0.05; done"},
                      {"name": "behind", "code": say + "true"}],
            "dependencies": [["behind", "long"]]}


def simple(say):
    return {"graph": {"dag_id": "simple", "max_active_runs": 50},
            "tasks": [{"name": "one", "code": say + "true"}, {"name": "two", "code": say + "true"}],
            "dependencies": [["two", "one"]]}


def full_disk():
    """The home's disk fills up while tasks run."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="busker-full-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", place], check=True)
    home = None
    try:
        def held(say):
            graph = waits(say)
            code = graph["tasks"][0]["code"]
            graph["tasks"][0]["code"] = code.replace("$(dirname {witness})", str(home_folder[0]))
            return graph

        home_folder = [None]
        home = Home({"simple": simple}, service=False, home=place / "home")
        home_folder[0] = home.folder
        say = daemon_home.SAY.format(witness=home.witness)
        home.write("scheduler/configs/waits.json", daemon_home.json.dumps(held(say)))
        return _fill(home, place)
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(place, ignore_errors=True)
        if home:
            home.close()


def _fill(home, place):
    daemon = home.up()
    home.must_ask(verb="status")
    told = [home.must_ask(verb="start", graph="waits")["run"] for _ in range(2)]
    told += [home.must_ask(verb="start", graph="simple")["run"] for _ in range(3)]
    workshop.wait_until(lambda: len(home.witness.read_text().split()) >= 8, "all run or wait")
    with open(place / "filler", "wb") as filler:  # to the last byte
        for size in (1 << 20, 4096, 512, 1):
            try:
                while True:
                    os.write(filler.fileno(), b"x" * size)
            except OSError:
                pass
    wrong = []
    # Requests are not acknowledged: nothing can be recorded.
    refused = home.ask(verb="start", graph="simple", limit=3)
    if refused is not None and "run" in refused:
        told.append(refused["run"])  # then it must be there in the end
    (home.folder / "go").touch()  # the running tasks end while the disk is full
    workshop.wait_until(lambda: not [each for each in told[:2] if _is_held(home, each)], "the tasks that ran go on")
    before = len(home.witness.read_text().split())

    def degraded():
        answer = home.ask(verb="status", limit=5) or {}
        return answer.get("trouble")

    try:
        workshop.wait_until(degraded, "busker status says that the disk is full")
    except AssertionError as silent:
        wrong.append(str(silent))
    shown = home.busker("status", timeout=100)
    if "trouble:" not in shown.stdout:
        wrong.append(f"busker status says nothing of it: {shown.returncode} {shown.stdout[-300:]}{shown.stderr}")
    if daemon.poll() is not None:
        wrong.append(f"the daemon ended with {daemon.returncode}: {home.said()[-400:]}")
    if len(home.witness.read_text().split()) > before:
        wrong.append("something new started while nothing could be recorded")
    (place / "filler").unlink()
    begun = time.monotonic()
    try:
        workshop.wait_until(lambda: home.unfinished() == 0 and len(home.rows_of("SELECT 1 FROM runs")) >= len(told),
                            "all goes on by itself", RECOVERY_LIMIT)
        print(f"  full disk: it went on {time.monotonic() - begun:.1f} s after there was space", flush=True)
        run = home.must_ask(verb="start", graph="simple")["run"]
        workshop.wait_until(lambda: home.ending(run) == "succeeded", "a new run")
        told.append(run)
    except AssertionError as stuck:
        wrong.append(f"{stuck}; {home.said()[-400:]}")
    wrong += finish(home, daemon)
    wrong += [f"run {run} was acknowledged and is {home.ending(run)}" for run in told
              if home.ending(run) != "succeeded"]
    return wrong


def _is_held(home, run):
    name = f"{run}/long.1".encode()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            if b"BUSKER_ATTEMPT=" + name in (process / "environ").read_bytes() and b"bash" in words:
                return True
        except OSError:
            continue
    return False


def hourly(say):
    return {"graph": {"dag_id": "hourly", "schedule_interval": "0 * * * *", "start_date": "2019-01-01"},
            "tasks": [{"name": "tick", "code": say + "true"}]}


def each_hour(say):
    return {"graph": {"dag_id": "all", "schedule_interval": "0 * * * *", "start_date": "2026-01-01T00:00:00",
                      "catchup": True},
            "tasks": [{"name": "tick", "code": say + "true"}]}


def clock_steps():
    """The wall clock of the daemon is set forward and back; each instant of a schedule has one run at most."""
    if not FAKETIME.exists():
        return [f"{FAKETIME} is missing; script/setup installs it"]
    home = Home({"hourly": hourly, "all": each_hour}, service=False)
    stamp = home.folder / "clock"

    def set_clock(text):
        fresh = stamp.with_suffix(".new")
        fresh.write_text(f"@{text}\n")
        os.rename(fresh, stamp)

    set_clock("2026-01-01 03:30:10")
    environment = dict(os.environ, LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=str(stamp),
                       FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="UTC")
    daemon = home.up(env=environment)
    wrong = []

    def dues(graph):
        return [datetime.datetime.fromtimestamp(due / 1000, datetime.timezone.utc).strftime("%d %H:%M") for due, in
                home.rows_of(f"SELECT due FROM runs WHERE graph = '{graph}' AND due IS NOT NULL ORDER BY due")]

    def expect(what, hourly_dues, all_dues, limit=120):
        def are():
            return home.unfinished() == 0 and dues("hourly") == hourly_dues and dues("all") == all_dues
        try:
            workshop.wait_until(are, what, limit)
        except AssertionError as late:
            wrong.append(f"{late}: hourly has {dues('hourly')}, not {hourly_dues}; all has {dues('all')}, not {all_dues}")

    def hours(*numbers):
        return [f"01 {number:02}:00" for number in numbers]

    try:
        home.must_ask(verb="status")
        expect("the latest, and all since its start", hours(3), hours(1, 2, 3))
        set_clock("2026-01-01 02:59:58")  # back over an instant that has its run, which comes again
        time.sleep(24)
        home.must_ask(verb="status")
        expect("the clock back: no second run", hours(3), hours(1, 2, 3))
        set_clock("2026-01-01 09:10:00")  # forward
        expect("the clock forward: the latest alone, and all of them", hours(3, 9), hours(*range(1, 10)))
        set_clock("2026-01-01 05:00:00")  # back again, and on
        time.sleep(22)
        expect("back again: nothing", hours(3, 9), hours(*range(1, 10)))
        set_clock("2026-01-01 09:59:58")
        expect("the next instant", hours(3, 9, 10), hours(*range(1, 11)))
    except AssertionError as error:
        wrong.append(str(error))
    wrong += end(home, daemon)
    if not wrong:
        wrong = [each for each in home.check() if "fsck" not in each]
        checked = home.busker("fsck")
        wrong += [checked.stdout] if checked.returncode != 0 else []
    if not wrong:
        home.close()
    return wrong


def failing_sync():
    """A sync of the record fails: what was asked is not acknowledged, and the daemon begins again from disk."""
    home = Home({"simple": simple, "rules": daemon_home.rules}, service=False)
    wrong, told = [], []
    for number in (1, 3, 6, 10, 15):
        # The conductor's is the thread that syncs; N is counted for each thread.
        home.prefix = ["strace", "-f", "-b", "execve", "-q", "-o", str(home.folder / "trace"), "-e", "trace=fdatasync",
                       "-e", f"inject=fdatasync:error=EIO:when={number}"]
        daemon = home.up()
        try:
            # One that fails while it starts says so and ends: whoever supervises it starts it again.
            workshop.wait_until(lambda: daemon.poll() is not None or home.ask(verb="status"), "it starts or ends")
            if daemon.poll() is not None:
                if daemon.returncode == 0 or "disk I/O error" not in home.said():
                    wrong.append(f"it ended with {daemon.returncode}: {home.said()[-300:]}")
                continue
            for turn in range(8):
                answer = home.ask(verb="start", graph="simple" if turn % 4 else "rules", limit=30)
                if answer and "run" in answer:
                    told.append(answer["run"])
            workshop.wait_until(lambda: home.unfinished() == 0, "all have ended", 120)
        except AssertionError as stuck:
            wrong.append(f"the {number}. sync failed: {stuck}; {home.said()[-500:]}")
        if "INJECTED" not in (home.folder / "trace").read_text():
            wrong.append(f"the trial did not fail the {number}. sync")
        daemons = subprocess.run(["pgrep", "-P", str(daemon.pid)], capture_output=True, text=True).stdout.split()
        for each in daemons:
            workshop.kill(int(each), signal.SIGTERM)
        try:
            daemon.wait(timeout=daemon_home.END_LIMIT)
        except subprocess.TimeoutExpired:
            workshop.kill(daemon.pid)
            daemon.wait()
    home.prefix = []
    if home.said().count("starting again from what is on record") == 0:
        wrong.append(f"it never began again: {home.said()[-400:]}")
    wrong += home.drain()
    wrong += home.check() if not wrong else []
    wrong += [f"run {run} was acknowledged and is {home.ending(run)}" for run in told
              if home.ending(run) not in ("succeeded", "failed")]
    if not told:
        wrong.append("nothing was acknowledged")
    if not wrong:
        home.close()
    return wrong


def flood(say):
    return {"graph": {"dag_id": "flood"},
            "tasks": [{"name": f"flood{number}", "code": say + "head -c 200000000 /dev/zero | tr '\\0' 'x\\n'; echo end"}
                      for number in range(2)] + [{"name": "after", "code": say + "true"}],
            "dependencies": [["after", "flood0"], ["after", "flood1"]]}


def log_flood():
    """Two programs write 200 MB each; what is kept is bounded, and the daemon is killed meanwhile."""
    home = Home({"flood": flood}, service=False)
    wrong = []
    daemon = home.up()
    try:
        run = home.must_ask(verb="start", graph="flood")["run"]
        workshop.wait_until(lambda: len(home.witness.read_text().split()) >= 2, "both flood")
        daemon.kill()
        daemon.wait()
        daemon = home.up()
        memory = 0
        deadline = time.monotonic() + 600
        while home.ending(run) in ("queued", "running") and time.monotonic() < deadline:
            status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
            memory = max([memory] + [int(line.split()[1]) for line in status.split("\n") if line.startswith("VmRSS")])
            time.sleep(0.1)
        if home.ending(run) != "succeeded":
            wrong.append(f"the run {home.ending(run)}")
        if memory > 100_000:
            wrong.append(f"the daemon took {memory} kB")
        for number in range(2):
            folder = home.home / "runs" / run / f"flood{number}.1"
            kept = sum(path.stat().st_size for path in folder.glob("log*"))
            if not 1 << 20 < kept < 20 << 20:
                wrong.append(f"{kept} bytes of 200 MB are kept")
            exit_record = daemon_home.json.loads((folder / "exit.json").read_text())
            if exit_record["log_bytes"] < 200_000_000:
                wrong.append(f"it is on record to have written {exit_record['log_bytes']} bytes")
    except AssertionError as error:
        wrong.append(str(error))
    wrong += end(home, daemon)
    checked = home.busker("fsck")
    wrong += [checked.stdout + checked.stderr] if checked.returncode != 0 else []
    wrong += home.leftovers()
    if not wrong:
        home.close()
    return wrong


ALL = [full_disk, clock_steps, failing_sync, log_flood]
