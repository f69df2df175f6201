// One run: when each attempt waited, started and worked; what it wrote; what can be done about it.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, getLog, graphOf, inPath, post, type Attempt, type Run, type Task } from "./api";
import { useLive, useNow } from "./live";
import { Doing, Problem, Section, StateMark } from "./parts";
import { between, bytes, duration, local } from "./time";

const isFinal = (run: Run) => run.state !== "queued" && run.state !== "running";

interface Phase {
  name: string;
  from: number;
  to: number;
}

// What an attempt spent its time with; Busker's own part apart from the program's.
function phasesOf(attempt: Attempt, now: number): Phase[] {
  const at = (instant: string | null) => (instant ? Date.parse(instant) : null);
  const end = at(attempt.ended_at) ?? now;
  const marks: [string, number][] = [["starting", Date.parse(attempt.launched_at)]];
  const started = at(attempt.started_at);
  const begun = at(attempt.command_started_at);
  const done = at(attempt.command_ended_at);
  if (started !== null) marks.push(["loading", started]);
  if (begun !== null) marks.push(["computing", begun]);
  if (done !== null) marks.push(["saving", done]);
  return marks.map(([name, from], i) => ({ name, from, to: marks[i + 1]?.[1] ?? end }));
}

function Gantt({ run, now, chosen }: { run: Run; now: number; chosen: string }) {
  const begin = Date.parse(run.started_at ?? run.requested_at);
  const end = run.ended_at ? Date.parse(run.ended_at) : now;
  const span = Math.max(end - begin, 1);
  const percent = (at: number) => Math.min(100, Math.max(0, ((at - begin) / span) * 100));
  return (
    <div class="gantt" role="list" aria-label="Tasks over time">
      {run.tasks.map((task) => (
        <a key={task.name} role="listitem" class={task.name === chosen ? "chosen" : ""} href={`#/runs/${run.id}/${task.name}`}>
          <span class="name">{task.name}</span>
          <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
            {task.attempts.flatMap((attempt) =>
              phasesOf(attempt, now).map((phase) => (
                <rect key={`${attempt.number}${phase.name}`} class={`phase ${phase.name} ${task.state}`} x={percent(phase.from)} y="1" height="8"
                  width={Math.max(0.3, percent(phase.to) - percent(phase.from))}>
                  <title>{`attempt ${attempt.number}, ${phase.name}: ${duration(phase.to - phase.from)}`}</title>
                </rect>
              )),
            )}
          </svg>
          <StateMark state={task.state} />
        </a>
      ))}
    </div>
  );
}

// The end of the log; more as it is written, while "follow" is on.
function Log({ run, task, attempt, live }: { run: string; task: string; attempt: number; live: boolean }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const [follow, setFollow] = useState(true);
  const [search, setSearch] = useState("");
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    let ended = false;
    let timer = 0;
    let next: number | null = null;
    setText("");
    const read = async () => {
      try {
        const more = await getLog(run, task, attempt, next);
        if (ended) return;
        next = more.next;
        if (more.text) setText((before) => (before + more.text).slice(-2_000_000));
        setError("");
      } catch (fault) {
        setError((fault as Error).message);
      }
      if (live && !ended) timer = window.setTimeout(() => void read(), 1000);
    };
    void read();
    return () => {
      ended = true;
      window.clearTimeout(timer);
    };
  }, [run, task, attempt, live]);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, follow]);
  const lines = search ? text.split("\n").filter((line) => line.toLowerCase().includes(search.toLowerCase())).join("\n") : text;
  return (
    <>
      <p>
        <label>Search <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} /></label>{" "}
        <label><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} /> follow</label>
      </p>
      <Problem message={error} />
      <pre class="log" ref={box} tabIndex={0} aria-label={`What ${task} wrote`}>{lines || (search ? "No line has that." : "It has written nothing yet.")}</pre>
    </>
  );
}

function TaskDetails({ run, task }: { run: Run; task: Task }) {
  const [chosen, setChosen] = useState(0);
  const attempt = task.attempts.find((each) => each.number === chosen) ?? task.attempts[task.attempts.length - 1];
  return (
    <Section title={`Task ${task.name}`}>
      <p><StateMark state={task.state} /> {task.message}</p>
      {attempt ? (
        <>
          {task.attempts.length > 1 ? (
            <p><label>Attempt <select value={attempt.number} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
              {task.attempts.map((each) => <option key={each.number} value={each.number}>{each.number}: {each.ending ?? "runs"}</option>)}
            </select></label></p>
          ) : null}
          <p class="quiet">
            {attempt.ending ? `${attempt.ending}, exit code ${attempt.exit_code}` : "runs"}; {attempt.cpu_seconds.toFixed(2)} s of CPU, at most {bytes(attempt.memory_peak_bytes)} of memory
          </p>
          <Log run={run.id} task={task.name} attempt={attempt.number} live={attempt.running} />
        </>
      ) : (
        <p>It has not begun.</p>
      )}
    </Section>
  );
}

export function RunPage({ id, task }: { id: string; task: string }) {
  const now = useNow(500);
  const { value, error, reload } = useLive(() => get<Run>(`/api/v1/runs/${id}`), id, id);
  const why = useLive(() => get<{ explained: string }>(`/api/v1/runs/${id}/explain`), id, id);
  if (!value) return <Problem message={error} />;
  const chosen = value.tasks.find((each) => each.name === task) ?? value.tasks.find((each) => each.state === "failed") ?? value.tasks[0];
  const verb = (name: string) => async () => {
    await post(`/api/v1/runs/${id}/${name}`);
    reload();
  };
  return (
    <>
      <Section title={`Run ${value.id}`}>
        <Problem message={error} />
        <p>
          <StateMark state={value.state} /> of <a href={`#/graphs/${inPath(graphOf(value))}`}>{graphOf(value)}</a> for {value.data_date};
          {value.started_at ? ` began ${local(value.started_at)}, took ${between(value.started_at, value.ended_at, now)}` : " has not begun"}
        </p>
        <p>{why.value?.explained}</p>
        <p>
          {!isFinal(value) ? <Doing label="Cancel" confirm="End this run, and everything that it started?" what={verb("cancel")} /> : null}
          {value.state === "failed" || value.state === "cancelled" ? <Doing label="Retry from what did not succeed" what={verb("retry")} /> : null}
        </p>
        <Gantt run={value} now={now} chosen={chosen?.name ?? ""} />
      </Section>
      {chosen ? <TaskDetails key={`${value.id}/${chosen.name}`} run={value} task={chosen} /> : null}
    </>
  );
}
