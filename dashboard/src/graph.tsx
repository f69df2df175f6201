// One action or graph: how it stands, its tasks as a picture, its runs as a grid, its data dates, every run
// of it, and what comes.
import { useEffect } from "preact/hooks";
import { get, inPath, path, query, type Graph, type Run, type State } from "./api";
import { Batches } from "./batches";
import { Dag } from "./dag";
import { Backfill, Dates } from "./dates";
import { Grid } from "./grid";
import { useLive, useNow } from "./live";
import { NextInstants } from "./next";
import { Crumbs, Empty, PauseButton, Problem, RunNow, Section, StateMark, When } from "./parts";
import type { Place } from "./place";
import { RunList } from "./runs";
import { duration, stamp, useZones } from "./time";

function timesOf(runs: Run[]): string {
  const lengths = runs.filter((run) => run.state === "succeeded" && run.started_at && run.ended_at)
    .map((run) => Date.parse(run.ended_at ?? "") - Date.parse(run.started_at ?? "")).sort((a, b) => a - b);
  if (lengths.length === 0) return "No run has succeeded yet.";
  const median = ((lengths[(lengths.length - 1) >> 1] ?? 0) + (lengths[lengths.length >> 1] ?? 0)) / 2;
  return `Median ${duration(median)} of the ${lengths.length} that succeeded; the longest took ${duration(lengths[lengths.length - 1] ?? 0)}.`;
}

const queuedShown = 3;
const instead: Partial<Record<State, number>> = { running: 10, succeeded: 25, failed: 10, cancelled: 5, skipped: 5 }; // of many that are queued

// Those at work and those that ended: what a backfill has queued does not hide them.
async function newest(graph: string): Promise<Run[]> {
  const ask = (more: Record<string, string | number>) => get<{ runs: Run[] }>(path("runs") + query({ tasks: "true", graph, ...more })).then(({ runs }) => runs);
  const runs = await ask({ limit: 40 });
  const queued = runs.filter((run) => run.state === "queued");
  if (queued.length <= queuedShown || runs.length < 40) return runs;
  const others = (await Promise.all(Object.entries(instead).map(([state, limit]) => ask({ state, limit })))).flat();
  const order = (a: Run, b: Run) => b.requested_at.localeCompare(a.requested_at) || b.scheduled_at.localeCompare(a.scheduled_at);
  return [...queued.slice(0, queuedShown), ...others.filter((run) => run.state !== "queued").sort(order)].slice(0, 40);
}

export function GraphPage({ graph, place }: { graph: string; place: Place }) {
  useZones();
  const about = useLive(() => get<Graph>(path("graphs", inPath(graph))), "", graph);
  const { value: runs, error } = useLive(() => newest(graph), "", graph);
  const now = useNow(runs?.some((run) => run.state === "running") ? 1000 : 15_000); // a large grid is drawn each time
  const show = place.query.get("show");
  useEffect(() => {
    if (show === "dates") window.setTimeout(() => document.getElementById("dates")?.scrollIntoView(), 300);
  }, [show, runs === null]);
  const it = about.value;
  const drawn = runs?.find((run) => run.tasks.length > 0 && run.state !== "queued") ?? runs?.find((run) => run.tasks.length > 0);
  return (
    <>
      <Crumbs to={it?.service ? [[it.service, `#/services/${it.service}`]] : []} />
      <Section main title={graph.replace("/", " / ")} side={it ? <>
        {it.schedule || it.after.length > 0 ? <PauseButton graph={graph} paused={it.paused} done={about.reload} /> : null}
        {it.schedule && runs && runs.length === 0 ? <Backfill graph={it} from="" to="" /> : null}
        <RunNow graph={graph} />
      </> : null}>
        <Problem message={about.error || error} />
        {it ? (
          <ul class="facts">
            {it.last_run ? <li><a href={`#/runs/${it.last_run.id}`}><StateMark state={it.last_run.state} /></a> for {it.last_run.data_date}</li> : null}
            {it.schedule ? <li><code>{it.schedule}</code> in {it.time_zone}</li> : null}
            {it.paused ? <li class="odd">paused by {it.paused_by}</li> : it.next ? <li>next <strong>{stamp(it.next, it.time_zone)}</strong>, <When at={it.next} now={now} zone={it.time_zone} /></li> : null}
            {it.after.length > 0 ? <li>after {it.after.join(", ")}</li> : null}
            {it.service ? <li><a href={`#/services/${it.service}`}>versions and tables of {it.service}</a></li> : null}
          </ul>
        ) : null}
        {it?.explained && !/ runs next at /.test(it.explained) ? <p>{it.explained.charAt(0).toUpperCase() + it.explained.slice(1)}</p> : null}
        <Batches graph={graph} />
        {runs && runs.length === 0 ? <Empty>It never ran. Run it now{it?.schedule ? ", or wait for its schedule" : ""}.</Empty> : null}
      </Section>
      {drawn && drawn.tasks.length > 1 ? <Section title={<>Tasks <span class="quiet">as in the run for <a href={`#/runs/${drawn.id}`}>{drawn.data_date}</a></span></>}><Dag run={drawn} now={now} /></Section> : null}
      {runs && runs.length > 0 ? <Section title={runs.length === 1 ? "Its only run" : `The newest ${runs.length} runs`} card><Grid runs={runs} now={now} zone={it?.time_zone ?? "UTC"} /><p class="quiet small">{timesOf(runs)}</p></Section> : null}
      {it && runs && runs.length > 0 ? <Dates graph={it} /> : null}
      {runs && runs.length > 0 ? <Section title="Runs" card><RunList graph={graph} place={place} /></Section> : null}
      {it?.schedule ? <Section title="Upcoming runs" card><NextInstants graph={graph} next={it.next} now={now} zone={it.time_zone} /></Section> : null}
    </>
  );
}
