// One action or graph file: its runs across, its tasks down; what comes; a backfill that shows first.
import { useState } from "preact/hooks";
import { get, inPath, path, post, query, type BackfillInstant, type Graph, type Run } from "./api";
import { useLive, useNow } from "./live";
import { NextInstants } from "./next";
import { Doing, Empty, Problem, Section, StateMark, Table } from "./parts";
import { between, duration, fromNow, local } from "./time";

// Runs from left to right, the newest last; a cell is the state of a task in a run.
function Grid({ runs }: { runs: Run[] }) {
  const across = [...runs].reverse();
  const tasks = [...new Set(across.flatMap((run) => run.tasks.map((task) => task.name)))];
  return (
    <div class="scroll">
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">Task</th>
            {across.map((run) => (
              <th key={run.id} scope="col">
                <a class={`cell ${run.state}`} href={`#/runs/${run.id}`} title={`${run.data_date}: run ${run.id} ${run.state}`}>
                  <span class="hidden">{run.data_date} {run.state}</span>
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {across.map((run) => {
                const task = run.tasks.find((each) => each.name === name);
                return (
                  <td key={run.id}>
                    {task ? (
                      <a class={`cell ${task.state}`} href={`#/runs/${run.id}/${name}`} title={`${name}, ${run.data_date}: ${task.state}`}>
                        <span class="hidden">{task.state}</span>
                      </a>
                    ) : null}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// How long runs took, the oldest left, with the median of those that succeeded.
function Durations({ runs, now }: { runs: Run[]; now: number }) {
  const begun = [...runs].reverse().filter((run) => run.started_at);
  const length = (run: Run) => (run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(run.started_at ?? "");
  const sorted = begun.filter((run) => run.state === "succeeded").map(length).sort((a, b) => a - b);
  const median = sorted.length ? ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2 : null;
  const longest = Math.max(1, ...begun.map(length));
  if (begun.length === 0) return <Empty>No run has begun yet, so there is no time to show.</Empty>;
  const height = (milliseconds: number) => Math.max(1, (96 * milliseconds) / longest);
  const width = 600 / Math.max(begun.length, 12);
  const words = `${median === null ? "None has succeeded" : `Median ${duration(median)} of the ${sorted.length} that succeeded`}; the longest of ${begun.length} took ${duration(longest)}.`;
  return (
    <figure class="wide">
      <svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" aria-label={`How long runs took, the oldest left. ${words}`}>
        {begun.map((run, i) => (
          <rect key={run.id} class={`bar ${run.state}`} x={i * width + width * 0.1} y={100 - height(length(run))} width={width * 0.8} height={height(length(run))}>
            <title>{`${run.data_date}, run ${run.id}: ${run.state}, ${duration(length(run))}`}</title>
          </rect>
        ))}
        {median === null ? null : <line class="median" x1="0" x2="600" y1={100 - height(median)} y2={100 - height(median)} />}
      </svg>
      <figcaption>{words}</figcaption>
    </figure>
  );
}

function RunTable({ runs, now }: { runs: Run[]; now: number }) {
  return (
    <Table label="Runs" rows={runs} keyOf={(run) => run.id} empty="It never ran. Run it now, or wait for its schedule." columns={[
      { name: "Run", kind: "head", cell: (run) => <a href={`#/runs/${run.id}`}>{run.id}</a> },
      { name: "State", cell: (run) => <StateMark state={run.state} /> },
      { name: "Data date", cell: (run) => run.data_date },
      { name: "Began", cell: (run) => fromNow(run.started_at, now), title: (run) => local(run.started_at) },
      { name: "Took", kind: "right", cell: (run) => between(run.started_at, run.ended_at, now) },
      { name: "Because of", cell: (run) => `${run.trigger}${run.requested_by ? `, ${run.requested_by}` : ""}` },
    ]} />
  );
}

function Backfill({ graph }: { graph: string }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [shown, setShown] = useState<BackfillInstant[] | null>(null);
  const ask = (dryRun: boolean) =>
    post<{ instants: BackfillInstant[] }>(path("graphs", inPath(graph), "backfill"), { from, to, dry_run: dryRun });
  return (
    <Section title="Backfill">
      <p>
        <label>From <input type="date" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>{" "}
        <label>to <input type="date" value={to} onInput={(event) => setTo(event.currentTarget.value)} /></label>{" "}
        <Doing plain label="Show what would run" what={async () => setShown((await ask(true)).instants)} />
        {shown?.some((one) => one.what === "run") ? (
          <Doing label="Run them" what={async () => setShown((await ask(false)).instants)} />
        ) : null}
      </p>
      {shown ? (
        <ul class="instants">
          {shown.length === 0 ? <li>The schedule has no instant in that time; choose another.</li> : null}
          {shown.map((one) => <li key={one.due}><time dateTime={one.scheduled_at}>{one.scheduled_at}</time>: {one.what}{one.version ? <>, with version {one.version} of {one.version_data_date}</> : null}{one.run ? <> (<a href={`#/runs/${one.run}`}>{one.run}</a>)</> : null}{one.warning ? <><br /><strong>Warning:</strong> {one.warning}</> : null}</li>)}
        </ul>
      ) : null}
    </Section>
  );
}

export function GraphPage({ graph }: { graph: string }) {
  const now = useNow(1000);
  const about = useLive(() => get<Graph>(path("graphs", inPath(graph))), "", graph);
  const { value, error } = useLive(() => get<{ runs: Run[] }>(path("runs") + query({ limit: 40, tasks: "true", graph })), "", graph);
  return (
    <>
      <Section main title={graph}>
        <Problem message={about.error || error} />
        {about.value ? <p>{about.value.explained}</p> : null}
        {about.value?.schedule ? (
          <p class="quiet">
            <code>{about.value.schedule}</code> in {about.value.time_zone}
            {about.value.next ? `; next ${local(about.value.next)}, ${fromNow(about.value.next, now)}` : ""}
          </p>
        ) : null}
        {about.value?.service ? <p><a href={`#/services/${about.value.service}`}>Versions and deliveries of {about.value.service}</a></p> : null}
        <p><Doing label="Run now" what={async () => {
          const started = await post<{ run: string }>(path("graphs", inPath(graph), "runs"));
          window.location.hash = `#/runs/${started.run}`;
        }} /></p>
        {value && value.runs.length === 0 ? <Empty>It never ran. Run it now{about.value?.schedule ? ", or wait for its schedule" : ""}.</Empty> : null}
        {value && value.runs.length > 0 ? <Grid runs={value.runs} /> : null}
      </Section>
      {value && value.runs.length > 0 ? (
        <>
          <Section title="How long runs took"><Durations runs={value.runs} now={now} /></Section>
          <Section title="Runs"><RunTable runs={value.runs} now={now} /></Section>
        </>
      ) : null}
      {about.value?.schedule ? <Section title="Next instants"><NextInstants graph={graph} next={about.value.next} now={now} /></Section> : null}
      {about.value?.schedule ? <Backfill graph={graph} /> : null}
    </>
  );
}
