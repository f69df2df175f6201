"""kill -9 of busker up: at random moments, hundreds in one life of a home, and at every system call of a small
life. Part of faults_test.py."""

import collections
import os
import random
import signal
import threading
import time

import daemon_home
import kill_at_call
import workshop
from daemon_home import Home

KILLS_IN_A_LIFE = 250
UNFINISHED_MAX = 14  # runs; more are not asked for


class Demands:
    """Somebody who asks for runs, cancels, retries and backfills as long as the home lives, and keeps what was
    acknowledged."""

    def __init__(self, home, seed):
        self.home, self.dice = home, random.Random(seed)
        self.number = 0
        self.started = {}  # key -> id
        self.told = []  # ids
        self.cancelled = set()
        self.wrong = []
        self.asked = collections.Counter()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()

    def stop(self):
        self.over.set()
        self.thread.join()

    def go_on(self):
        while not self.over.is_set():
            try:
                self.demand()
            except Exception as error:  # a thread's would go unseen
                self.wrong.append(f"the trial itself: {error!r}")
                return
            time.sleep(self.dice.uniform(0.0, 0.08))

    def acknowledged(self, verb, answer):
        if answer is None:
            return False
        self.asked[verb] += 1
        kind = answer.get("error", {}).get("kind")
        if kind in ("failed", "unusable"):
            self.wrong.append(f"{verb}: {answer}")
        return kind is None

    def demand(self):
        what = self.dice.choice(["start"] * 5 + ["twice", "again", "cancel", "retry", "backfill", "verb"])
        home, dice = self.home, self.dice
        if what in ("start", "twice", "verb", "backfill") and home.unfinished() > UNFINISHED_MAX:
            time.sleep(0.1)
            return
        if what in ("start", "twice", "again"):
            if what != "again" or not self.started:
                self.number += 1
                key = f"key-{self.number}"
            else:
                key = dice.choice(list(self.started))
            graph = dice.choice(["rules", "rules", "tiny", "shop/training"])
            if what == "twice":
                other = threading.Thread(target=self.start, args=(graph, key))
                other.start()
                self.start(graph, key)
                other.join()
            else:
                self.start(graph, key)
        elif what == "verb":
            done = home.busker("start", "rules")
            if done.returncode == 0:
                self.told.append(done.stdout.strip())
            elif done.returncode != 75:
                self.wrong.append(f"busker start: {done.returncode} {done.stderr}")
        elif what == "backfill":
            day = f"2020-{dice.randrange(1, 13):02}-{dice.randrange(1, 28):02}"
            answer = home.ask(verb="backfill", graph="tiny", to=day, newest_first=dice.random() < 0.5,
                              retry_failed=True, runs_at_once=dice.choice([1, 2]), **{"from": day})
            if self.acknowledged("backfill", answer):
                self.told += [each["run"] for each in answer["instants"] if each["what"] == "run"]
        elif self.told:
            run = dice.choice(self.told[-12:])
            if self.acknowledged(what, home.ask(verb=what, run=run)):
                if what == "cancel":
                    self.cancelled.add(run)
                else:
                    self.cancelled.discard(run)

    def start(self, graph, key):
        answer = self.home.ask(verb="start", graph=graph, key=key)
        if not self.acknowledged("start", answer):
            return
        run = answer["run"]
        if self.started.setdefault(key, run) != run:
            self.wrong.append(f"key {key} is of run {self.started[key]} and of run {run}")
        self.told.append(run)

    def judge(self):
        wrong = list(self.wrong)
        states = dict(self.home.rows_of("SELECT id, state FROM runs"))
        for run in set(self.told):
            if run not in states:
                wrong.append(f"run {run} was acknowledged and is not on record")
            elif states[run] not in ("succeeded", "failed", "cancelled"):
                wrong.append(f"run {run} is {states[run]}")
        for run in self.cancelled:
            if states.get(run) == "succeeded" and not self.taken_up_again(run):
                wrong.append(f"run {run} was cancelled and then succeeded: {self.history(run)}")
        return wrong

    def history(self, run):
        return [what for what, in self.home.rows_of(
            f"SELECT what FROM events WHERE run = '{run}' AND task = '' ORDER BY number")]

    def taken_up_again(self, run):
        """By a retry whose answer the kill cut off, or by a backfill of its day that retries: both are on record,
        after the cancellation. (The trial once knew only of retries that were answered, and failed in one life of 30.)"""
        said = self.history(run)
        if "run cancelled" not in said:
            return False
        last = len(said) - 1 - said[::-1].index("run cancelled")
        return bool({"run queued", "run running"} & set(said[last + 1:]))


def runners_at_work(home):
    """The attempts that run, and the process of the runner of each."""
    found = []
    for run, task, number in home.rows_of("SELECT run, task, number FROM attempts WHERE running"):
        runner = workshop.runner_of(home.home / "runs" / run / f"{task}.{number}")
        if runner:
            found.append((f"{run}/{task}.{number}", runner))
    return found


def owner_of(home):
    """A busker that serves the home in the background, begun by a verb that found none up."""
    try:
        words = (home.home / "owner").read_text().split()
        process = int(words[1])
        command = open(f"/proc/{process}/cmdline").read()
    except (OSError, ValueError, IndexError):
        return None
    return process if "conduct" in command and str(home.folder) in command else None


def kill_runner(process):
    """By a pid that may be old: only what is a runner still."""
    try:
        if "busker-runner" in open(f"/proc/{process}/cmdline").read():
            workshop.kill(process)
    except OSError:
        pass


def live_and_die(home, kills, dice, runners=True):
    """Kills the daemon so often, each at a random moment, and starts it again at once."""
    for _ in range(kills):
        daemon = home.up()
        time.sleep(dice.choice([dice.uniform(0, 0.03), dice.uniform(0, 0.3), dice.uniform(0.02, 0.2)]))
        whom = dice.random()
        if runners and whom < 0.12:
            try:
                chosen = [each for each in runners_at_work(home) if dice.random() < 0.5]
            except Exception:  # nothing is on record yet
                chosen = []
            if whom < 0.08:
                daemon.kill()
            for attempt, runner in chosen:
                home.runner_killed.add(attempt)
                kill_runner(runner)
            pids = {runner for _, runner in chosen}  # one may have gone on to the next attempt meanwhile
            home.runner_killed |= {attempt for attempt, runner in runners_at_work(home) if runner in pids} \
                if pids else set()
        background = owner_of(home)
        if background:
            workshop.kill(background)
        daemon.kill()
        daemon.wait()


def random_kills(trials, dice, report, judge):
    """So many kills over lives of a home each; `judge` is told of each life."""
    done, total = 0, collections.Counter()
    begun = time.monotonic()
    while done < trials:
        kills = min(KILLS_IN_A_LIFE, trials - done)
        home = Home()
        demands = Demands(home, dice.randrange(1 << 30))
        try:
            live_and_die(home, kills, dice)
        finally:
            demands.stop()
        killing = time.monotonic() - begun
        background = owner_of(home)
        if background:
            workshop.kill(background)
        wrong = home.drain()
        wrong += demands.judge() + home.check() if not wrong else []
        wrong += home.leftovers()
        done += kills
        total["attempts"] += home.rows_of("SELECT count(*) FROM attempts")[0][0]
        total["runs"] += home.rows_of("SELECT count(*) FROM runs")[0][0]
        total["lost with their runner"] += home.rows_of(
            "SELECT count(*) FROM attempts WHERE ending = 'lost'")[0][0]
        total["acknowledged"] += sum(demands.asked.values())
        report(f"{done} kills of the daemon, {time.monotonic() - begun:.0f} s "
               f"({killing:.0f} s until the last kill of this life); {dict(total)}")
        judge(home, f"life with {kills} kills of the daemon", wrong, kills)


def once(say):
    return {"graph": {"dag_id": "once", "schedule_interval": "@once"},
            "tasks": [{"name": "a", "code": say + "true"}, {"name": "b", "code": say + "true"},
                      {"name": "c", "code": say + "true"}],
            "dependencies": [["b", "a"], ["c", "a"]]}


def every_call(stride, dice, report, judge):
    """A daemon whose graph of three tasks is due at once is killed at its n-th mutating system call."""
    begun, call, through, count = time.monotonic(), 1 + dice.randrange(stride), 0, collections.Counter()
    while through < 2 and call < 5000:
        home = Home({"once": once}, service=False)
        ended = lambda: home.home.joinpath("busker.db").exists() and home.unfinished() == 0 and \
            len(home.witness.read_text().split()) == 3
        name = kill_at_call.run(home.up_words(), call, home.folder / "up.out", done=ended)
        count[name] += 1
        through += name is None
        wrong = home.drain()
        if not wrong:
            wrong = home.check()
            runs = home.rows_of("SELECT state FROM runs")
            wrong += [] if runs == [("succeeded",)] else [f"its runs: {runs}"]
            wrong += home.leftovers()
        judge(home, f"the daemon killed at call {call}, {name}", wrong, 1)
        call += stride
    count.pop(None, None)
    report(f"the daemon killed at each call up to {call}, {time.monotonic() - begun:.0f} s: {dict(count)}")
