// Runs, page by page: of all, or of one action; by state, data date and why they began.
import { useEffect, useMemo } from "preact/hooks";
import { get, graphOf, inPath, path, query, type RunHead } from "./api";
import { useNow } from "./live";
import { More, Problem, Section, StateMark, Table, usePages, When } from "./parts";
import { ask, type Place } from "./place";
import { between, inZone, useZones, zoneFor } from "./time";

const states = ["failed", "running", "queued", "succeeded", "cancelled", "skipped"];
const triggers = ["schedule", "catch-up", "backfill", "manual", "after", "file"];

// Of what runs more than once a day, which of that date's it is.
function clocks(runs: RunHead[]): (run: RunHead) => string {
  const instants = new Map<string, Set<string>>();
  const of = (run: RunHead) => `${graphOf(run)} ${run.data_date}`;
  for (const run of runs) instants.set(of(run), (instants.get(of(run)) ?? new Set()).add(run.scheduled_at));
  return (run) => ((instants.get(of(run))?.size ?? 0) > 1 ? inZone(run.scheduled_at, zoneFor()).clock : "");
}

// Why it did not succeed, or its version is not live.
const why = (run: RunHead) => (run.state !== "succeeded" ? run.message.slice(0, 300) : run.gate?.passed === false ? run.gate.why : "");

// What is asked is in the address, so it survives Back.
export function RunList({ graph, place }: { graph?: string; place: Place }) {
  useZones();
  const now = useNow(1000);
  const state = place.query.get("state") ?? "", date = place.query.get("date") ?? "", trigger = place.query.get("trigger") ?? "";
  const asked = useMemo(() => ({ graph, state, date, trigger }), [graph, state, date, trigger]);
  const pages = usePages<RunHead>((cursor) => get<{ runs: RunHead[]; next: string | null }>(path("runs") + query({ ...asked, limit: graph ? 25 : 50, cursor }))
    .then(({ runs, next }) => ({ items: runs, next })), JSON.stringify(asked), true);
  // A page has what was found among so many runs, which may be nothing: then the next one is looked at.
  const looking = pages.items?.length === 0 && pages.more !== null && !pages.error;
  useEffect(() => {
    if (looking) pages.more?.();
  }, [looking, pages.next]);
  const clock = clocks(pages.items ?? []);
  const set = (name: string) => (event: Event) => ask(place, { [name]: (event.currentTarget as HTMLInputElement).value });
  return (
    <>
      <div class="row end" role="group" aria-label="Which runs">
        <label class="field">State <select value={state} onChange={set("state")}><option value="">any</option>{states.map((each) => <option key={each}>{each}</option>)}</select></label>
        <label class="field">Data date <input type="date" value={date} onInput={set("date")} /></label>
        <label class="field">Started by <select value={trigger} onChange={set("trigger")}><option value="">anything</option>{triggers.map((each) => <option key={each}>{each}</option>)}</select></label>
        {state || date || trigger ? <button type="button" class="plain" onClick={() => ask(place, { state: "", date: "", trigger: "" })}>Show all</button> : null}
      </div>
      <Problem message={pages.error} />
      {looking ? <p class="quiet" role="status">Looking further back...</p> : null}
      {pages.items && !looking ? (
        <Table label="Runs" rows={pages.items} keyOf={(run) => run.id} empty={state || date || trigger ? "No run is like that." : "It never ran. Run it now, or wait for its schedule."} columns={[
          { name: "State", cell: (run) => <><StateMark state={run.state} />{" "}{run.gate?.passed === false ? <span class="refusal">refused</span> : null}</> },
          ...(graph ? [] : [{ name: "Of", kind: "head" as const, cell: (run: RunHead) => <a href={`#/graphs/${inPath(graphOf(run))}`}>{graphOf(run)}</a> }]),
          { name: "Data date", kind: graph ? "head" : undefined, title: (run) => `for ${run.scheduled_at}`, cell: (run) => <><a href={`#/runs/${run.id}`}>{run.data_date}</a>{clock(run) ? <span class="quiet"> {clock(run)}</span> : null}</> },
          { name: "Began", cell: (run) => <When at={run.started_at} now={now} /> },
          { name: "Took", kind: "right", cell: (run) => between(run.started_at, run.ended_at, now) },
          { name: "Started by", cell: (run) => `${run.trigger}${run.requested_by && run.requested_by !== "busker" ? `, ${run.requested_by}` : ""}` },
          { name: "Run", cell: (run) => <a href={`#/runs/${run.id}`}><code>{run.id}</code></a> },
          ...(pages.items.some(why) ? [{ name: "Why", kind: "wide" as const, cell: why }] : []),
        ]} />
      ) : null}
      {looking ? null : <More pages={pages} />}
    </>
  );
}

export function RunsPage({ place }: { place: Place }) {
  return <Section main title="Runs"><div class="card"><RunList place={place} /></div></Section>;
}
