// One run: its tasks over time, what it wrote, what came of it, what can be done about it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, graphOf, inPath, path, post, type Run, type Task } from "./api";
import { Gantt } from "./gantt";
import { Lineage } from "./lineage";
import { openStream, useLive, useNow } from "./live";
import { Doing, Empty, Problem, Section, StateMark } from "./parts";
import { shown } from "./terminal";
import { between, bytes, local } from "./time";

const isFinal = (run: Run) => run.state !== "queued" && run.state !== "running";

// The end of the log, and more as it is written.
function Log({ run, task, attempt, live }: { run: string; task: string; attempt: number; live: boolean }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const [heard, setHeard] = useState(false);
  const [follow, setFollow] = useState(true);
  const [search, setSearch] = useState("");
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    setText("");
    setError("");
    setHeard(false);
    const close = openStream(path("runs", run, "tasks", task, "attempts", attempt, "log", "live"), (data) => {
      const said = JSON.parse(data) as { begin?: boolean; text?: string; end?: boolean };
      setError("");
      setHeard(true);
      if (said.end) close();
      else setText((before) => ((said.begin ? "" : before) + (said.text ?? "")).slice(-2_000_000));
    }, () => setError("What it writes cannot be followed at the moment; this page tries again by itself."));
    return close;
  }, [run, task, attempt]);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, follow]);
  const plain = useMemo(() => shown(text), [text]);
  const lines = search ? plain.split("\n").filter((line) => line.toLowerCase().includes(search.toLowerCase())).join("\n") : plain;
  return (
    <>
      <p>
        <label>Search <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} /></label>{" "}
        <label><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} /> follow</label>
      </p>
      <Problem message={error} />
      <pre class="log" ref={box} tabIndex={0} aria-label={`What ${task} wrote`}>{lines || (search ? "No line has that; empty the search to see all." : !heard ? "Reading..." : live ? "It has written nothing yet." : "It wrote nothing.")}</pre>
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
        <Empty>{isFinal(run) ? "It never began." : "It has not begun; the sentence above says what it waits for."}</Empty>
      )}
    </Section>
  );
}

export function RunPage({ id, task }: { id: string; task: string }) {
  const now = useNow(500);
  const { value, error, reload } = useLive(() => get<Run>(path("runs", id)), id, id);
  const why = useLive(() => get<{ explained: string }>(path("runs", id, "explain")), id, id);
  if (!value) return error ? <Section main title="Run"><Problem message={error} /></Section> : null;
  const chosen = value.tasks.find((each) => each.name === task) ?? value.tasks.find((each) => each.state === "failed") ?? value.tasks[0];
  const verb = (name: string) => async () => {
    await post(path("runs", id, name));
    reload();
  };
  return (
    <>
      <Section main title={`Run ${value.id}`}>
        <Problem message={error} />
        <p>
          <StateMark state={value.state} /> of <a href={`#/graphs/${inPath(graphOf(value))}`}>{graphOf(value)}</a> for {value.data_date}{value.target && value.target !== "local" ? ` at ${value.target}` : ""};
          {value.started_at ? ` began ${local(value.started_at)}, took ${between(value.started_at, value.ended_at, now)}` : " has not begun"}
        </p>
        {why.value && why.value.explained !== "it succeeded" ? <p>{why.value.explained.charAt(0).toUpperCase() + why.value.explained.slice(1)}</p> : null}
        <p>
          {!isFinal(value) ? <Doing label="Cancel" confirm="End this run, and everything that it started?" what={verb("cancel")} /> : null}
          {value.state === "failed" || value.state === "cancelled" ? <Doing label="Retry from what did not succeed" what={verb("retry")} /> : null}
        </p>
        <Gantt run={value} now={now} chosen={chosen?.name ?? ""} />
      </Section>
      {chosen ? <TaskDetails key={`${value.id}/${chosen.name}`} run={value} task={chosen} /> : null}
      <Lineage run={value.id} />
    </>
  );
}
