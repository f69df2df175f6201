// One action or graph file: its runs across, its tasks down; what comes; a backfill that shows first.
import { useState } from "preact/hooks";
import { get, inPath, post, type BackfillInstant, type Graph, type Run } from "./api";
import { useLive, useNow } from "./live";
import { Doing, Problem, Section, StateMark } from "./parts";
import { between, fromNow, local } from "./time";

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

function RunTable({ runs, now }: { runs: Run[]; now: number }) {
  return (
    <div class="scroll">
      <table>
        <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col">Data date</th><th scope="col">Began</th><th scope="col">Took</th><th scope="col">Because of</th></tr></thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <th scope="row"><a href={`#/runs/${run.id}`}>{run.id}</a></th>
              <td><StateMark state={run.state} /></td>
              <td>{run.data_date}</td>
              <td title={local(run.started_at)}>{fromNow(run.started_at, now)}</td>
              <td>{between(run.started_at, run.ended_at, now)}</td>
              <td>{run.trigger}{run.requested_by ? `, ${run.requested_by}` : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Backfill({ graph }: { graph: string }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [shown, setShown] = useState<BackfillInstant[] | null>(null);
  const ask = (dryRun: boolean) =>
    post<{ instants: BackfillInstant[] }>(`/api/v1/graphs/${inPath(graph)}/backfill`, { from, to, dry_run: dryRun });
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
          {shown.length === 0 ? <li>The schedule has no instant in that time.</li> : null}
          {shown.map((one) => <li key={one.due}><time dateTime={one.scheduled_at}>{one.scheduled_at}</time>: {one.what}{one.run ? <> (<a href={`#/runs/${one.run}`}>{one.run}</a>)</> : null}</li>)}
        </ul>
      ) : null}
    </Section>
  );
}

export function GraphPage({ graph }: { graph: string }) {
  const now = useNow(1000);
  const about = useLive(() => get<Graph>(`/api/v1/graphs/${inPath(graph)}`), "", graph);
  const { value, error } = useLive(() => get<{ runs: Run[] }>(`/api/v1/runs?limit=40&tasks=true&graph=${encodeURIComponent(graph)}`), "", graph);
  return (
    <>
      <Section title={graph}>
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
          const started = await post<{ run: string }>(`/api/v1/graphs/${inPath(graph)}/runs`);
          window.location.hash = `#/runs/${started.run}`;
        }} /></p>
        {value && value.runs.length === 0 ? <p>It never ran. Run it now, or wait for its schedule.</p> : null}
        {value && value.runs.length > 0 ? <Grid runs={value.runs} /> : null}
      </Section>
      {value && value.runs.length > 0 ? <Section title="Runs"><RunTable runs={value.runs} now={now} /></Section> : null}
      {about.value?.schedule ? <Backfill graph={graph} /> : null}
    </>
  );
}
