// A run over time: what each attempt waited for, what Busker did around it, and what the program itself took.
import { useState } from "preact/hooks";
import type { Attempt, Run, State, Task } from "./api";
import { marks as signs, Table } from "./parts";
import { bytes, duration } from "./time";

type Name = "waiting" | "booting" | "pulling" | "starting" | "loading" | "computing" | "saving";
export interface Phase {
  name: Name;
  from: number;
  to: number;
}

const meanings: Record<Name, string> = {
  waiting: "waiting: for its turn, or for its next try",
  booting: "booting: its machine",
  pulling: "pulling: the image, to that machine",
  starting: "starting: from the decision until its runner works",
  loading: "loading: inputs, and the folder that it works in",
  computing: "computing: the program itself",
  saving: "saving: outputs, with their digests",
};
const own: Name[] = ["starting", "loading", "saving"];
const ofMachines: Name[] = ["booting", "pulling"];
const shownAtFirst = 300, fewTasks = 8, ticksMost = 24;

const at = (instant: string | null | undefined) => (instant ? Date.parse(instant) : null);

// When the task could first have begun: when what it comes after had ended, or else the run was asked for.
function readyAt(run: Run, task: Task, number: number): number | null {
  const before = task.attempts.find((each) => each.number === number - 1);
  if (before) return at(before.ended_at);
  if (task.after.length === 0) return at(run.requested_at);
  const ends = task.after.flatMap((name) => run.tasks.find((each) => each.name === name)?.attempts.map((each) => at(each.ended_at)) ?? []);
  const known = ends.filter((end): end is number => end !== null);
  return known.length ? Math.max(...known) : null;
}

// While an attempt runs, only its launch is on record: what its runner measured comes with its end.
export function phasesOf(run: Run, task: Task, attempt: Attempt, now: number): Phase[] {
  const launched = Date.parse(attempt.launched_at);
  const ready = readyAt(run, task, attempt.number);
  const marks: [Name, number | null][] = [["waiting", ready !== null && ready < launched ? ready : null]];
  if (attempt.running) {
    marks.push(["computing", launched]);
  } else {
    const booted = attempt.boot_seconds === null ? null : launched + 1000 * attempt.boot_seconds;
    const pulled = booted === null ? null : booted + 1000 * (attempt.pull_seconds ?? 0);
    if (booted !== null) marks.push(["booting", launched], ["pulling", booted]);
    marks.push(["starting", pulled ?? launched], ["loading", at(attempt.started_at)], ["computing", at(attempt.command_started_at)], ["saving", at(attempt.command_ended_at)]);
  }
  const known = marks.filter((mark): mark is [Name, number] => mark[1] !== null);
  const end = at(attempt.ended_at) ?? now;
  return known.map(([name, from], i) => ({ name, from, to: Math.max(from, known[i + 1]?.[1] ?? end) }));
}

// An attempt has no state of its own: how it ended says as much.
function stateOf(attempt: Attempt): State {
  if (attempt.running) return "running";
  if (attempt.ending === "succeeded") return "succeeded";
  return attempt.ending === "cancelled" || attempt.ending === "preempted" ? "cancelled" : "failed";
}

const took = (phases: Phase[], name: Name) => {
  const found = phases.find((phase) => phase.name === name);
  return found ? found.to - found.from : null;
};

function Legend({ names }: { names: Name[] }) {
  return (
    <ul class="legend">
      {names.map((name) => (
        <li key={name}>
          <svg viewBox="0 0 12 12" aria-hidden="true"><rect class={`phase ${name} succeeded`} width="12" height="12" /></svg>{meanings[name]}
        </li>
      ))}
    </ul>
  );
}

// Round lengths of time, of which about four fit.
const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

function Axis({ begin, zero, span }: { begin: number; zero: number; span: number }) {
  const step = 1000 * (steps.find((each) => (each * 1000 * 4) >= span) ?? Math.ceil(span / 4000 / 86400) * 86400);
  const ticks: number[] = [];
  for (let at = 0; zero + at <= begin + span && ticks.length < ticksMost; at += step) ticks.push(at);
  const round = (milliseconds: number) => (milliseconds === 0 ? "0" : duration(milliseconds).replace(/\.0 s$/, " s").replace(/ 0 (s|min|h)$/, ""));
  return (
    <div class="axis" aria-hidden="true"><span /><div class="ticks">
      {ticks.map((at) => <span key={at} ref={(element) => { if (element) element.style.left = `${((zero + at - begin) / span) * 100}%`; }}>{round(at)}</span>)}
    </div><span /></div>
  );
}

interface Row {
  task: Task;
  attempt: Attempt;
  phases: Phase[];
}

function Bar({ rows, begin, percent }: { rows: Row[]; begin: number; percent: (instant: number) => number }) {
  return (
    <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      {rows.flatMap(({ attempt, phases }) => phases.filter((phase) => phase.to > begin).map((phase) => (
        <rect key={`${attempt.number}${phase.name}`} class={`phase ${phase.name} ${stateOf(attempt)}`} x={percent(phase.from)} y={phase.name === "waiting" ? 4 : 1}
          height={phase.name === "waiting" ? 2 : 8} width={Math.max(0.3, percent(phase.to) - percent(phase.from))}>
          <title>{`attempt ${attempt.number}, ${phase.name}: ${duration(phase.to - phase.from)}`}</title>
        </rect>
      )))}
    </svg>
  );
}

// `attempt`: the one that the address names; 0: none.
export function Gantt({ run, now, chosen, attempt: asked }: { run: Run; now: number; chosen: string; attempt: number }) {
  const [all, setAll] = useState(false);
  // What failed first, then as they are: nobody should have to look for it.
  const sorted = [...run.tasks.filter((task) => task.state === "failed"), ...run.tasks.filter((task) => task.state !== "failed")];
  const tasks = all ? sorted : sorted.slice(0, shownAtFirst);
  const rows = run.tasks.flatMap((task) => task.attempts.map((attempt) => ({ task, attempt, phases: phasesOf(run, task, attempt, now) })));
  const launches = rows.map((row) => Date.parse(row.attempt.launched_at));
  const end = at(run.ended_at) ?? now;
  const begun = launches.length ? Math.min(...launches) : at(run.started_at) ?? Date.parse(run.requested_at);
  // A long wait before the first task would leave no room for what followed: a fifth of the width has to do.
  // Where a clock was set back, what is on record may have begun before it was asked for.
  const begin = Math.min(begun, Math.max(Date.parse(run.requested_at), begun - Math.max(end - begun, 1) / 4));
  const span = Math.max(end - begin, 1);
  const percent = (instant: number) => Math.min(100, Math.max(0, ((instant - begin) / span) * 100));
  const sum = (names: Name[]) => rows.reduce((total, row) => total + names.reduce((part, name) => part + (took(row.phases, name) ?? 0), 0), 0);
  const hasMachines = rows.some((row) => row.attempt.boot_seconds !== null);
  const names = (Object.keys(meanings) as Name[]).filter((name) => hasMachines || !ofMachines.includes(name));
  const billed = rows.reduce((total, row) => total + (row.attempt.machine_seconds ?? 0), 0);
  const figure = (row: (typeof rows)[number], name: Name) => {
    const length = took(row.phases, name);
    return length === null ? "" : duration(length);
  };
  const lengthOf = (task: Task) => {
    const mine = rows.filter((row) => row.task === task);
    const first = mine[0];
    if (!first) return "";
    const last = mine[mine.length - 1]?.attempt;
    return duration(Math.max(0, (at(last?.ended_at) ?? now) - Date.parse(first.attempt.launched_at)));
  };
  return (
    <>
      {rows.length > 0 ? <Axis begin={begin} zero={begun} span={span} /> : null}
      <ul class={`gantt${tasks.length > 16 ? " long" : ""}`} aria-label="Tasks over time">
        {tasks.map((task) => (
          <li key={task.name}><a class={task.name === chosen ? "chosen" : ""} aria-current={task.name === chosen ? "true" : undefined} href={`#/runs/${run.id}/${task.name}`}>
            <span class="name" title={task.name}><span class={`state ${task.state}`}><span class="sign" aria-hidden="true">{signs[task.state]}</span><span class="hidden">{task.state}</span></span> {task.name}</span>
            <Bar rows={rows.filter((row) => row.task === task)} begin={begin} percent={percent} />
            <span class="took">{lengthOf(task) || task.state}{task.attempts.length > 1 ? <span title={`${task.attempts.length} attempts`}> ↻{task.attempts.length}</span> : null}</span>
          </a>
          {task.attempts.length > 1 && (task.name === chosen || tasks.length <= fewTasks) ? (
            <ul class="attempts" aria-label={`Attempts of ${task.name}`}>
              {rows.filter((row) => row.task === task).map((row) => {
                const { attempt } = row, state = stateOf(attempt), isChosen = task.name === chosen && attempt.number === (asked || task.attempts.length);
                return (
                  <li key={attempt.number}><a class={isChosen ? "chosen" : ""} aria-current={isChosen ? "true" : undefined} href={`#/runs/${run.id}/${task.name}/${attempt.number}`} title={attempt.message ?? undefined}>
                    <span class="name"><span class={`state ${state}`}><span class="sign" aria-hidden="true">{signs[state]}</span></span> attempt {attempt.number} <span class="quiet">{attempt.ending ?? "runs"}</span></span>
                    <Bar rows={[row]} begin={begin} percent={percent} />
                    <span class="took">{duration(Math.max(0, (at(attempt.ended_at) ?? now) - Date.parse(attempt.launched_at)))}</span>
                  </a></li>
                );
              })}
            </ul>
          ) : null}
          </li>
        ))}
      </ul>
      {tasks.length < run.tasks.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {run.tasks.length} tasks</button></p> : null}
      {rows.length > 0 ? (
        <>
          <p class="quiet small">{`The programs computed for ${duration(sum(["computing"]))}; starting, loading and saving took Busker ${duration(sum(own))}.${hasMachines ? ` Its machines took ${duration(sum(ofMachines))} to boot and to get the image; ${Math.ceil(billed)} VM-seconds in all.` : ""}`}</p>
          <Legend names={names} />
          <details>
            <summary>The same in numbers</summary>
            <Table label="What each attempt spent its time with" rows={rows} keyOf={(row) => `${row.task.name} ${row.attempt.number}`} empty="Nothing has begun." columns={[
              { name: "Task", kind: "head", cell: (row) => row.task.name },
              { name: "Attempt", kind: "right", cell: (row) => row.attempt.number },
              { name: "Waiting", kind: "right", cell: (row) => figure(row, "waiting") },
              ...(hasMachines ? ofMachines : []).map((name) => ({ name: name.charAt(0).toUpperCase() + name.slice(1), kind: "right" as const, cell: (row: (typeof rows)[number]) => figure(row, name) })),
              { name: "Starting", kind: "right", cell: (row) => figure(row, "starting") },
              { name: "Loading", kind: "right", cell: (row) => figure(row, "loading") },
              { name: "Computing", kind: "right", cell: (row) => figure(row, "computing") },
              { name: "Saving", kind: "right", cell: (row) => figure(row, "saving") },
              { name: "CPU", kind: "right", cell: ({ attempt }) => (attempt.running ? "" : `${attempt.cpu_seconds.toFixed(2)} s`) },
              { name: "Peak memory", kind: "right", cell: ({ attempt }) => (attempt.running ? "" : bytes(attempt.memory_peak_bytes)) },
              { name: "Ended", cell: ({ attempt }) => attempt.ending ?? "runs" },
            ]} />
          </details>
        </>
      ) : null}
    </>
  );
}
