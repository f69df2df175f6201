// Which page the address names: #/ , #/runs, #/runs/ID, #/runs/ID/TASK/ATTEMPT/L120, #/graphs/NAME,
// #/services/NAME, #/tables, #/tables/SERVICE/TABLE, #/schedule, #/schedule/2026-03(-29), #/activity.
import "uplot/dist/uPlot.min.css";
import "./app.css";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { AuditPage } from "./audit";
import { get, query, type Graph, type Run, path as apiPath, graphOf } from "./api";
import { GraphPage } from "./graph";
import { Keys, Palette, useKeys } from "./palette";
import { useLive, usePresence } from "./live";
import { Overview } from "./overview";
import { Section } from "./parts";
import { usePlace, type Place } from "./place";
import { RunPage } from "./run";
import { RunsPage } from "./runs";
import { SchedulePage } from "./schedule";
import { ServicePage } from "./service";
import { TablePage, TablesPage } from "./tables";
import { browserZone, choose, useZones, type Zones } from "./time";

// Whether one page leads to the other without leaving it: a day of the schedule, a task of a run.
const isOnePage = ({ path: a }: Place, { path: b }: Place) => a[0] === b[0] && (a[0] === "schedule" || a[1] === b[1]);

function Page({ place }: { place: Place }) {
  const [kind, name, third, fourth, fifth] = place.path;
  if (!kind) return <Overview />;
  if (kind === "schedule") return <SchedulePage when={name ?? ""} />;
  if (kind === "graphs" && name) return <GraphPage key={name} graph={name.replace(":", "/")} place={place} />;
  if (kind === "runs" && !name) return <RunsPage place={place} />;
  if (kind === "runs" && name) {
    const line = /^L([1-9]\d{0,9})$/.exec(fifth ?? "");
    return <RunPage key={name} id={name} task={third ?? ""} attempt={Number(fourth) || 0} line={line ? Number(line[1]) - 1 : null} />;
  }
  if (kind === "services" && name) return <ServicePage key={name} service={name} place={place} />;
  if (kind === "tables" && !name) return <TablesPage />;
  if (kind === "tables" && name && third) return <TablePage key={`${name} ${third}`} service={name} table={third} />;
  if (kind === "activity" || kind === "log") return <AuditPage />;
  return <Section main title="No such page"><p>No page has that address. <a href="#/">The overview</a> lists what there is.</p></Section>;
}

// The tab says what one looks at and how it stands; its icon, whether all is well.
function icon(colour: string, sign: string) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="${colour}"/><text x="16" y="24" font-family="sans-serif" font-weight="700" font-size="22" fill="#fff" text-anchor="middle">${sign}</text></svg>`;
  document.querySelector('link[rel="icon"]')?.setAttribute("href", `data:image/svg+xml,${encodeURIComponent(svg)}`);
}
const signs: Record<string, [string, string]> = { failed: ["#c01f2e", "✕"], running: ["#0868c4", "▸"], queued: ["#5d6771", "○"], succeeded: ["#17753a", "✓"], cancelled: ["#885300", "–"] };

function useTab(place: Place, trouble: number, gone: boolean) {
  const [kind, name, third] = place.path;
  const isRun = kind === "runs" && name !== undefined;
  const run = useLive<Run | null>(() => (isRun ? get<Run>(apiPath("runs", name)) : Promise.resolve(null)), isRun ? name : "no run", isRun ? name : "");
  const state = isRun ? run.value?.state : undefined;
  const pages: Record<string, string> = { schedule: "Schedule", runs: "Runs", tables: "Tables", activity: "Activity", log: "Activity" };
  const title = isRun && run.value ? `${graphOf(run.value)} ${run.value.data_date}` : third && kind === "tables" ? third : name && kind !== "schedule" ? name.replace(":", "/") : (pages[kind ?? ""] ?? "");
  const sign = gone ? "?" : state ? (signs[state]?.[1] ?? "") : trouble > 0 ? `(${trouble})` : "";
  useEffect(() => {
    document.title = [sign, title ? `${title} - Busker` : "Busker"].filter(Boolean).join(" ");
    const [colour, mark] = gone ? ["#5d6771", "?"] : state ? (signs[state] ?? ["#5d6771", "B"]) : trouble > 0 ? ["#c01f2e", String(Math.min(trouble, 9))] : ["#17753a", "B"];
    icon(colour ?? "", mark ?? "");
  }, [sign, title, gone, state, trouble]);
}

function Banner() {
  const { gone, signedOut } = usePresence();
  useEffect(() => {
    document.body.classList.toggle("gone", gone);
  }, [gone]);
  if (gone) return <p class="banner" role="alert"><strong>Busker does not answer.</strong> It was stopped, or the network is down. What is shown is how things stood; this page goes on by itself when it is there again.</p>;
  if (signedOut) return <p class="banner" role="alert"><strong>This session has ended.</strong> Type <code>busker open</code> where Busker runs: it opens the dashboard, or prints an address that does.</p>;
  return null;
}

function App() {
  const place = usePlace((before, after) => {
    if (!isOnePage(before, after)) {
      document.getElementById("page")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
  });
  const [open, setOpen] = useState<"" | "find" | "keys">("");
  const { gone } = usePresence();
  const zones = useZones();
  const trouble = useLive(() => get<{ graphs: Graph[] }>(apiPath("graphs") + query({ trouble: "any", limit: 50 })), "", "tab", 2000).value?.graphs.length ?? 0;
  useTab(place, trouble, gone);
  useKeys(setOpen);
  const kind = place.path[0] ?? "";
  const here = (page: string) => (page === kind || (page === "activity" && kind === "log") ? "page" : undefined);
  return (
    <>
      <header class="top">
        <a href="#/" class="brand"><span class={`sign ${trouble > 0 ? "failed" : ""}`} aria-hidden="true">♪</span>Busker</a>
        <nav class="pages" aria-label="Pages">
          <a href="#/" aria-current={here("")}>Overview</a>
          <a href="#/runs" aria-current={here("runs")}>Runs</a>
          <a href="#/tables" aria-current={here("tables")}>Tables</a>
          <a href="#/schedule" aria-current={here("schedule")}>Schedule</a>
          <a href="#/activity" aria-current={here("activity")}>Activity</a>
        </nav>
        <div class="tools">
          <button type="button" class="find" title="Search everything" onClick={() => setOpen("find")}><span>Search</span><kbd aria-hidden="true">Ctrl K</kbd></button>
          <label><span class="hidden">Times are shown in</span>
            <select value={zones} title="The zone of all times" onChange={(event) => choose(event.currentTarget.value as Zones)}>
              <option value="mine">{browserZone}</option>
              {browserZone === "UTC" ? null : <option value="utc">UTC</option>}
              <option value="schedule">schedule's zone</option>
            </select></label>
          <button type="button" class="plain" title="Keys" onClick={() => setOpen("keys")}><span aria-hidden="true">?</span><span class="hidden">Keys</span></button>
        </div>
      </header>
      <Banner />
      <main id="page" tabIndex={-1}><Page place={place} /></main>
      {open === "find" ? <Palette close={() => setOpen("")} /> : null}
      {open === "keys" ? <Keys close={() => setOpen("")} /> : null}
    </>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
