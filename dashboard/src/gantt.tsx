// A run over time: what each attempt waited for, what Busker did around it, and what the program itself took.
import { useState } from "preact/hooks";
import type { Attempt, Run, Task } from "./api";
import { StateMark, Table } from "./parts";
import { bytes, duration } from "./time";

type Name = "waiting" | "starting" | "loading" | "computing" | "saving";
export interface Phase {
  name: Name;
  from: number;
  to: number;
}

const meanings: Record<Name, string> = {
  waiting: "waiting: for its turn, or for its next try",
  starting: "starting: from the decision until its runner works",
  loading: "loading: inputs, and the folder that it works in",
  computing: "computing: the program itself",
  saving: "saving: outputs, with their digests",
};
const own: Name[] = ["starting", "loading", "saving"];
const shownAtFirst = 300;

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
    marks.push(["starting", launched], ["loading", at(attempt.started_at)], ["computing", at(attempt.command_started_at)], ["saving", at(attempt.command_ended_at)]);
  }
  const known = marks.filter((mark): mark is [Name, number] => mark[1] !== null);
  const end = at(attempt.ended_at) ?? now;
  return known.map(([name, from], i) => ({ name, from, to: Math.max(from, known[i + 1]?.[1] ?? end) }));
}

const took = (phases: Phase[], name: Name) => {
  const found = phases.find((phase) => phase.name === name);
  return found ? found.to - found.from : null;
};

function Legend() {
  return (
    <ul class="legend">
      {(Object.keys(meanings) as Name[]).map((name) => (
        <li key={name}>
          <svg viewBox="0 0 12 12" aria-hidden="true"><rect class={`phase ${name} succeeded`} width="12" height="12" /></svg>{meanings[name]}
        </li>
      ))}
    </ul>
  );
}

export function Gantt({ run, now, chosen }: { run: Run; now: number; chosen: string }) {
  const [all, setAll] = useState(false);
  const tasks = all ? run.tasks : run.tasks.slice(0, shownAtFirst);
  const rows = run.tasks.flatMap((task) => task.attempts.map((attempt) => ({ task, attempt, phases: phasesOf(run, task, attempt, now) })));
  const launches = rows.map((row) => Date.parse(row.attempt.launched_at));
  const end = at(run.ended_at) ?? now;
  const begun = launches.length ? Math.min(...launches) : at(run.started_at) ?? Date.parse(run.requested_at);
  // A long wait before the first task would leave no room for what followed: a fifth of the width has to do.
  const begin = Math.max(Date.parse(run.requested_at), begun - Math.max(end - begun, 1) / 4);
  const span = Math.max(end - begin, 1);
  const percent = (instant: number) => Math.min(100, Math.max(0, ((instant - begin) / span) * 100));
  const sum = (names: Name[]) => rows.reduce((total, row) => total + names.reduce((part, name) => part + (took(row.phases, name) ?? 0), 0), 0);
  const figure = (row: (typeof rows)[number], name: Name) => {
    const length = took(row.phases, name);
    return length === null ? "" : duration(length);
  };
  return (
    <>
      <ul class="gantt" aria-label="Tasks over time">
        {tasks.map((task) => (
          <li key={task.name}><a class={task.name === chosen ? "chosen" : ""} aria-current={task.name === chosen ? "true" : undefined} href={`#/runs/${run.id}/${task.name}`}>
            <span class="name" title={task.name}>{task.name}</span>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              {rows.filter((row) => row.task === task).flatMap(({ attempt, phases }) => phases.filter((phase) => phase.to > begin).map((phase) => (
                <rect key={`${attempt.number}${phase.name}`} class={`phase ${phase.name} ${task.state}`} x={percent(phase.from)} y={phase.name === "waiting" ? 4 : 1}
                  height={phase.name === "waiting" ? 2 : 8} width={Math.max(0.3, percent(phase.to) - percent(phase.from))}>
                  <title>{`attempt ${attempt.number}, ${phase.name}: ${duration(phase.to - phase.from)}`}</title>
                </rect>
              )))}
            </svg>
            <StateMark state={task.state} />
          </a></li>
        ))}
      </ul>
      {tasks.length < run.tasks.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {run.tasks.length} tasks</button></p> : null}
      {rows.length > 0 ? (
        <>
          <p class="quiet">{`The programs computed for ${duration(sum(["computing"]))}; starting, loading and saving took Busker ${duration(sum(own))}.`}</p>
          <Legend />
          <details>
            <summary>The same in numbers</summary>
            <Table label="What each attempt spent its time with" rows={rows} keyOf={(row) => `${row.task.name} ${row.attempt.number}`} empty="Nothing has begun." columns={[
              { name: "Task", kind: "head", cell: (row) => row.task.name },
              { name: "Attempt", kind: "right", cell: (row) => row.attempt.number },
              { name: "Waiting", kind: "right", cell: (row) => figure(row, "waiting") },
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
