// What became of each data date, as a calendar; what is missing is filled from here.
import { useState } from "preact/hooks";
import { get, inPath, path, post, type BackfillInstant, type DataDate, type Graph } from "./api";
import { useLive } from "./live";
import { Dialog, Doing, Empty, marks, Problem, Section, StateMark, type Shown } from "./parts";
import { plural } from "./plural";
import { stamp } from "./time";

const monthName = (month: string) => new Date(`${month}-01T00:00:00Z`).toLocaleDateString(undefined, { month: "long", year: "numeric", timeZone: "UTC" });

function Month({ month, dates }: { month: string; dates: Map<string, DataDate> }) {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  const lead = (new Date(Date.UTC(year, number - 1, 1)).getUTCDay() + 6) % 7, days = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return (
    <div class="month">
      <h3>{monthName(month)}</h3>
      <div class="weeks">
        {Array.from({ length: lead }, (_, i) => <span key={`lead ${i}`} />)}
        {Array.from({ length: days }, (_, i) => {
          const date = `${month}-${String(i + 1).padStart(2, "0")}`, known = dates.get(date);
          if (!known) return <span key={date} class="none">{i + 1}</span>;
          const state: Shown = known.state ?? "missing";
          const told = `${date}: ${state}${known.runs > 1 ? `, ${known.runs} runs` : ""}${known.message ? `\n${known.message.slice(0, 240)}` : ""}`;
          return known.run
            ? <a key={date} class={`cell ${state}`} href={`#/runs/${known.run}`} title={told}><span aria-hidden="true">{state === "succeeded" ? i + 1 : marks[state]}</span><span class="hidden">{`${date}: ${state}`}</span></a>
            : <span key={date} class={`cell ${state}`} title={told} role="img" aria-label={`${date}: never ran`}>{marks[state]}</span>;
        })}
      </div>
    </div>
  );
}

export function Backfill({ graph, from: begin, to: end }: { graph: Graph; from: string; to: string }) {
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState(begin);
  const [to, setTo] = useState(end);
  const [failed, setFailed] = useState(true);
  const [force, setForce] = useState(false);
  const [shown, setShown] = useState<BackfillInstant[] | null>(null);
  const [done, setDone] = useState(false);
  const ask = async (dryRun: boolean) => {
    const { instants } = await post<{ instants: BackfillInstant[] }>(path("graphs", inPath(graph.graph), "backfill"), { from, to, dry_run: dryRun, retry_failed: failed, force });
    setShown(instants);
    setDone(!dryRun);
  };
  const count = shown?.filter((one) => one.what === "run" || one.what === "retry").length ?? 0;
  const forget = () => setShown(null);
  return (
    <>
      <button type="button" class="plain" onClick={() => { setFrom(begin); setTo(end); setShown(null); setOpen(true); }}>Backfill</button>
      {open ? (
        <Dialog title={`Backfill ${graph.graph}`} close={() => setOpen(false)} wide>
          <div class="row end">
            <label class="field">From <input type="date" value={from} onInput={(event) => { setFrom(event.currentTarget.value); forget(); }} /></label>
            <label class="field">to <input type="date" value={to} onInput={(event) => { setTo(event.currentTarget.value); forget(); }} /></label>
            <Doing plain label="Show what would run" what={() => ask(true)} />
          </div>
          <p><label><input type="checkbox" checked={failed} onChange={(event) => { setFailed(event.currentTarget.checked); forget(); }} /> also what failed or was cancelled</label>{" "}
            <label><input type="checkbox" checked={force} onChange={(event) => { setForce(event.currentTarget.checked); forget(); }} /> let older data replace newer</label></p>
          {shown ? (
            <>
              <p>{shown.length === 0 ? "The schedule has no instant in that time; choose another." : done ? `${plural(count, "run was", "runs were")} asked for, one after the other.` : `${count} of ${shown.length} would run:`}</p>
              <ul class="instants">
                {shown.slice(0, 400).map((one) => <li key={one.due}><time dateTime={one.scheduled_at} title={one.scheduled_at}>{stamp(one.scheduled_at, graph.time_zone)}</time>: {one.what}{one.version ? <>, with version {one.version} of {one.version_data_date}</> : null}{one.run ? <> (<a href={`#/runs/${one.run}`}>run</a>)</> : null}{one.warning ? <><br /><strong>Warning:</strong> {one.warning}</> : null}</li>)}
              </ul>
            </>
          ) : null}
          <div class="ends">
            <button type="button" class="plain" onClick={() => setOpen(false)}>Close</button>
            {count > 0 && !done ? <Doing label={`Run ${count === 1 ? "it" : `these ${count}`}`} what={() => ask(false)} /> : null}
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

export function Dates({ graph }: { graph: Graph }) {
  const { value, error } = useLive(() => get<{ dates: DataDate[]; more: boolean }>(path("graphs", inPath(graph.graph), "dates")), "", `dates ${graph.graph}`, 2000);
  const [all, setAll] = useState(false);
  if (!value) return <Problem message={error} />;
  if (value.dates.length === 0) return null;
  const by = new Map(value.dates.map((date) => [date.date, date]));
  const months = [...new Set(value.dates.map((date) => date.date.slice(0, 7)))];
  const shown = (all ? months : months.slice(0, 6)).slice().reverse();
  const open = value.dates.filter((date) => date.state === null || date.state === "failed").map((date) => date.date);
  const count = (state: string | null) => value.dates.filter((date) => date.state === state).length;
  const kinds: [string | null, Shown][] = [["succeeded", "succeeded"], ["failed", "failed"], ["running", "running"], ["queued", "queued"], [null, "missing"], ["cancelled", "cancelled"], ["skipped", "skipped"]];
  return (
    <Section title="Data dates" card id="dates" side={graph.schedule ? <Backfill graph={graph} from={open[open.length - 1] ?? ""} to={open[0] ?? ""} /> : null}>
      <Problem message={error} />
      <ul class="facts">{kinds.filter(([state]) => count(state) > 0).map(([state, mark]) => <li key={mark}><strong>{count(state)}</strong> <StateMark state={mark} word={state === null ? "never ran" : mark} /></li>)}</ul>
      {open.length > 0 ? <p>{open.length === 1 ? `${open[0]} has` : `${open.length} dates, ${open[open.length - 1]} to ${open[0]}, have`} no success.{graph.schedule ? " Backfill fills what is missing." : ""}</p> : null}
      <div class="dates">{shown.map((month) => <Month key={month} month={month} dates={by} />)}</div>
      {months.length > 6 ? <p><button type="button" class="plain" onClick={() => setAll(!all)}>{all ? "Show six months" : `Show all ${months.length} months`}</button></p> : null}
      {value.more ? <p class="quiet">By its newest 10,000 runs.</p> : null}
      {months.length === 0 ? <Empty>No data date yet.</Empty> : null}
    </Section>
  );
}
