// One run: what it is of and for when, what went wrong, its tasks over time with the log beside, what
// came of it, what can be done about it.
import { useEffect, useRef } from "preact/hooks";
import { get, getText, graphOf, inPath, path, post, type Attempt, type Contents, type Run, type RunHead, type Task } from "./api";
import { Gantt } from "./gantt";
import { Lineage, useLineage } from "./lineage";
import { useLive, useNow } from "./live";
import { Log } from "./log";
import { numberOf } from "./metrics";
import { Copy, Crumbs, Doing, Empty, Id, Problem, Section, StateMark, When } from "./parts";
import { plural } from "./plural";
import { failureIn } from "./terminal";
import { between, bytes, stamp, useZones } from "./time";
import { LiveUsage } from "./usage";

export const isFinal = (run: { state: string }) => run.state !== "queued" && run.state !== "running";
const crumbsOf = (run: RunHead): [string, string][] => [
  ...(run.service ? [[run.service, `#/services/${run.service}`] as [string, string]] : []),
  [run.action ?? run.graph ?? "", `#/graphs/${inPath(graphOf(run))}`],
];

// What of it went wrong first, and its last attempt.
function firstFailure(run: Run): { task: Task; attempt: Attempt | undefined } | null {
  const failed = run.tasks.filter((task) => task.state === "failed").map((task) => ({ task, attempt: task.attempts[task.attempts.length - 1] }));
  failed.sort((a, b) => (a.attempt?.ended_at ?? "9").localeCompare(b.attempt?.ended_at ?? "9"));
  return failed[0] ?? null;
}

// A reason without the output that it ends with, where that stands beside it, whole.
const briefly = (message: string) => message.split("; last output: ")[0] ?? "";

// The error itself, as the program wrote it.
function Failure({ run }: { run: Run }) {
  const failure = firstFailure(run);
  const task = failure?.task.name ?? "", number = failure?.attempt?.number ?? 0;
  const log = useLive(() => (number ? getText(path("runs", run.id, "tasks", task, "attempts", number, "log")) : Promise.resolve("")), "the clock alone", `${run.id} ${task} ${number}`);
  const text = log.value && failureIn(log.value);
  if (run.state !== "failed") return null;
  const sentence = failure?.task.message || run.message;
  const more = run.tasks.filter((each) => each.state === "failed").length - 1;
  return (
    <section class="error" aria-label="What went wrong">
      <div class="head">
        <h2><span class="state failed"><span class="sign" aria-hidden="true">✕</span></span> {failure ? <>Task {failure.task.name} failed{failure.task.attempts.length > 1 ? ` in attempt ${number}` : ""}</> : "It failed"}</h2>
        {more > 0 ? <span class="quiet">and {plural(more, "more task")}</span> : null}
        {failure ? <a href={`#/runs/${run.id}/${failure.task.name}/${number || 1}`}>Its log</a> : null}
        <Copy text={`${graphOf(run)} for ${run.data_date}, run ${run.id}\n${sentence}\n\n${text ?? ""}`} label="Copy the error" />
      </div>
      {sentence ? <p class="reason">{text ? briefly(sentence) : sentence}</p> : null}
      {text ? <pre tabIndex={0} aria-label="The last output">{text}</pre> : null}
    </section>
  );
}

// How good the version is that a training made, and what the gate said of it.
function Judged({ run, version }: { run: Run; version: Contents | null }) {
  const names = version ? Object.keys(version.metrics).sort() : [];
  const gate = run.gate ?? version?.gate ?? null;
  if (names.length === 0 && !gate) return null;
  return (
    <Section title="How good it is" card>
      {gate ? <p class={`verdict ${gate.passed === false ? "failed" : ""}`}><strong>{gate.passed === null ? "The gate" : gate.passed ? "✓ The gate let it pass" : "✕ The gate refused it"}</strong>{gate.why ? `: ${gate.why}` : ""}</p> : null}
      {names.length > 0 ? <dl class="numbers">{names.slice(0, 60).map((name) => <div key={name}><dt>{name}</dt><dd>{numberOf(version?.metrics[name] ?? 0)}</dd></div>)}</dl> : null}
      {names.length > 60 ? <p class="quiet">and {names.length - 60} more</p> : null}
    </Section>
  );
}

function TaskDetails({ run, task, number, line, again }: { run: Run; task: Task; number: number; line: number | null; again: () => void }) {
  const attempt = task.attempts.find((each) => each.number === number) ?? task.attempts[task.attempts.length - 1];
  const box = useRef<HTMLDivElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // Chosen by a click, it comes into view; on a wide screen it is there already.
    if (!first.current) box.current?.scrollIntoView({ block: "nearest" });
    first.current = false;
  }, [task.name]);
  const here = `#/runs/${run.id}/${task.name}/${attempt?.number ?? 1}`;
  const measured = attempt && !attempt.running ? `exit code ${attempt.exit_code}, ${attempt.cpu_seconds.toFixed(2)} s of CPU, at most ${bytes(attempt.memory_peak_bytes)} of memory` : "";
  return (
    <div class="card sticky" ref={box}>
      <Section title={`Task ${task.name}`} side={<>
        {task.attempts.length > 1 ? (
          <label>Attempt <select value={attempt?.number} onChange={(event) => { window.location.hash = `#/runs/${run.id}/${task.name}/${event.currentTarget.value}`; }}>
            {task.attempts.map((each) => <option key={each.number} value={each.number}>{each.number}: {each.ending ?? "runs"}</option>)}
          </select></label>
        ) : null}
        {task.state === "queued" || task.state === "failed" ? (
          <Doing plain label="Skip" title={`Go on without ${task.name}`} confirm={`What comes after ${task.name} then goes on as if it had succeeded. This is noted with your name.`} what={async () => {
            await post(path("runs", run.id, "tasks", task.name, "skip"));
            again();
          }} />
        ) : null}
      </>}>
        <p><StateMark state={task.state} /> {run.state === "failed" && firstFailure(run)?.task === task ? briefly(task.message) : task.message}</p>
        {attempt ? (
          <>
            <p class="quiet small">{attempt.ending ? `${attempt.ending}; ` : ""}{measured}{attempt.running ? <>running since <When at={attempt.launched_at} now={Date.now()} /></> : null}</p>
            {attempt.running ? <LiveUsage key={`usage ${task.name} ${attempt.number}`} run={run.id} task={task.name} attempt={attempt.number} /> : null}
            <Log key={`${task.name} ${attempt.number}`} run={run.id} task={task.name} attempt={attempt.number} live={attempt.running} line={line} here={here} />
          </>
        ) : (
          <Empty>{isFinal(run) ? "It never began." : "It has not begun; the sentence above says what it waits for."}</Empty>
        )}
      </Section>
    </div>
  );
}

type Beside = Pick<RunHead, "id" | "data_date">;
type Around = { previous: Beside | null; next: Beside | null };

// The runs of the same action before and after it.
function Neighbours({ run }: { run: Run }) {
  const { value } = useLive(() => get<Around>(path("runs", run.id, "neighbours")), "", `neighbours ${run.id}`, 5000);
  if (!value) return null;
  const { previous, next } = value;
  return (
    <>
      {previous ? <a class="button" href={`#/runs/${previous.id}`} title={`for ${previous.data_date}`}>‹ Previous</a> : null}
      {next ? <a class="button" href={`#/runs/${next.id}`} title={`for ${next.data_date}`}>Next ›</a> : null}
    </>
  );
}

export function RunPage({ id, task, attempt, line }: { id: string; task: string; attempt: number; line: number | null }) {
  useZones();
  const { value, error, reload } = useLive(() => get<Run>(path("runs", id)), id, id);
  const now = useNow(value && isFinal(value) ? 30_000 : 500);
  const why = useLive(() => get<{ explained: string }>(path("runs", id, "explain")), id, id, 1500);
  const lineage = useLineage(id);
  if (!value) return error ? <Section main title="Run"><Problem message={error} /></Section> : null;
  const chosen = value.tasks.find((each) => each.name === task) ?? firstFailure(value)?.task ?? value.tasks.find((each) => each.state === "running") ?? value.tasks[0];
  const verb = (name: string) => async () => {
    await post(path("runs", id, name));
    reload();
  };
  const explained = why.value && !isFinal(value) ? why.value.explained : value.state === "failed" ? "" : value.message;
  return (
    <>
      <Crumbs to={crumbsOf(value)} />
      <Section main title={<>{graphOf(value).replace("/", " / ")} <span class="quiet">for</span> {value.data_date}</>} side={<>
        <Neighbours run={value} />
        {!isFinal(value) ? <Doing plain label="Cancel" title="End this run" danger confirm="It ends, with everything that it started. What it has delivered stays." what={verb("cancel")} /> : null}
        {value.state === "failed" || value.state === "cancelled" ? <Doing label="Retry from what did not succeed" what={verb("retry")} /> : null}
      </>}>
        <Problem message={error} />
        <ul class="facts">
          <li><StateMark state={value.state} />{value.gate?.passed === false ? <span class="refusal">refused by the gate</span> : null}</li>
          <li>{value.started_at ? <>began <strong>{stamp(value.started_at, null, true)}</strong>, {value.ended_at ? "took" : "for"} <strong>{between(value.started_at, value.ended_at, now)}</strong></> : <>asked for <When at={value.requested_at} now={now} />, has not begun</>}</li>
          <li>started by <strong>{value.trigger}</strong>{value.requested_by ? <>, {value.requested_by}</> : null}</li>
          {value.target && value.target !== "local" ? <li>at {value.target}</li> : null}
          <li><Id of={value.id} /></li>
        </ul>
        {explained ? <p>{explained.charAt(0).toUpperCase() + explained.slice(1)}</p> : null}
      </Section>
      <Failure run={value} />
      <div class="split">
        <div class="card">
          <Section title={value.tasks.length === 1 ? "The task over time" : `The ${value.tasks.length} tasks over time`}><Gantt run={value} now={now} chosen={chosen?.name ?? ""} attempt={attempt} /></Section>
        </div>
        {chosen ? <TaskDetails key={value.id} run={value} task={chosen} number={attempt} line={line} again={reload} /> : <Empty>It has no task yet; it is prepared when its turn comes.</Empty>}
      </div>
      <Judged run={value} version={lineage.value?.output ?? null} />
      <Lineage run={value.id} lineage={lineage} state={value.state} />
    </>
  );
}
