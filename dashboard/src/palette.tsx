// Everything is found by its name: actions, services, tables, versions, runs by their id, data dates. And
// the keys that lead from page to page.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { get, graphOf, inPath, path, query, type DeliveredTable, type Graph, type Run, type RunHead, type Service, type Version } from "./api";
import { useLive } from "./live";
import { Dialog } from "./parts";
import { go } from "./place";

interface Hit {
  name: string;
  kind: string;
  hash: string;
}

const pages: Hit[] = [["Overview", "#/"], ["Runs", "#/runs"], ["Tables", "#/tables"], ["Schedule", "#/schedule"], ["Activity", "#/activity"]].map(([name = "", hash = ""]) => ({ name, kind: "page", hash }));

// What changes seldom is asked once a window.
async function catalogue(): Promise<Hit[]> {
  const [{ services }, { tables }] = await Promise.all([get<{ services: Service[] }>("/api/v1/services"), get<{ tables: DeliveredTable[] }>(path("tables")).catch(() => ({ tables: [] as DeliveredTable[] }))]);
  const of = await Promise.all(services.slice(0, 40).map(async ({ service }) => {
    const { versions } = await get<{ versions: Version[] }>(path("services", service, "versions")).catch(() => ({ versions: [] as Version[] }));
    return versions.map((version, i) => ({ name: `${service} version ${i + 1}, ${version.version}, data of ${version.data_date}`, kind: "version", hash: `#/services/${service}?version=${version.version}` }));
  }));
  return [
    ...services.map(({ service }) => ({ name: service, kind: "service", hash: `#/services/${service}` })),
    ...tables.map(({ service, table }) => ({ name: table, kind: "table", hash: `#/tables/${service}/${table}` })),
    ...of.flat(),
  ];
}

async function search(text: string): Promise<Hit[]> {
  const hits: Hit[] = [];
  const { graphs } = await get<{ graphs: Graph[] }>(path("graphs") + query({ q: text, limit: 30 }));
  hits.push(...graphs.map((graph) => ({ name: graph.graph, kind: graph.service ? "action" : "graph", hash: `#/graphs/${inPath(graph.graph)}` })));
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const { runs } = await get<{ runs: RunHead[] }>(path("runs") + query({ date: text, limit: 30 }));
    hits.push({ name: `All runs for ${text}`, kind: "data date", hash: `#/runs?date=${text}` }, ...runs.map((run) => ({ name: `${graphOf(run)} for ${run.data_date}: ${run.state}`, kind: "run", hash: `#/runs/${run.id}` })),
      { name: `Schedule on ${text}`, kind: "page", hash: `#/schedule/${text}` });
  }
  if (/^\d{8}-\d{6}-[a-z0-9]+$/.test(text)) {
    const run = await get<Run>(path("runs", text)).catch(() => null);
    if (run) hits.unshift({ name: `${graphOf(run)} for ${run.data_date}: ${run.state}`, kind: "run", hash: `#/runs/${run.id}` });
  } else if (text.length >= 4 && /^[0-9a-z-]+$/.test(text)) {
    const { runs } = await get<{ runs: RunHead[] }>(path("runs") + query({ id: text, limit: 10 })); // a part of an id
    hits.push(...runs.map((run) => ({ name: `${graphOf(run)} for ${run.data_date}, ${run.id}`, kind: "run", hash: `#/runs/${run.id}` })));
  }
  return hits;
}

export function Palette({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Hit[]>([]);
  const [at, setAt] = useState(0);
  const known = useLive(catalogue, "the clock alone", "catalogue").value ?? [];
  useEffect(() => {
    let ended = false;
    const timer = window.setTimeout(() => {
      search(text.trim()).then((hits) => {
        if (!ended) setFound(hits);
      }, () => {});
    }, 120);
    return () => {
      ended = true;
      window.clearTimeout(timer);
    };
  }, [text]);
  const part = text.trim().toLowerCase();
  const seen = new Set<string>();
  const hits = [...found, ...[...pages, ...known].filter((hit) => hit.name.toLowerCase().includes(part))]
    .filter((hit) => !seen.has(hit.hash) && Boolean(seen.add(hit.hash))).slice(0, 40);
  const chosen = Math.min(at, hits.length - 1);
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((chosen + 1) % Math.max(1, hits.length));
    else if (event.key === "ArrowUp") setAt((chosen - 1 + hits.length) % Math.max(1, hits.length));
    else if (event.key === "Enter" && hits[chosen]) {
      close();
      go(hits[chosen]?.hash ?? "#/");
    } else return;
    event.preventDefault();
  };
  useEffect(() => document.getElementById(`hit-${chosen}`)?.scrollIntoView({ block: "nearest" }), [chosen]);
  return (
    <Dialog title="Search everything" close={close} wide>
      <div class="palette">
        <input type="text" role="combobox" aria-expanded="true" aria-controls="hits" aria-activedescendant={hits.length ? `hit-${chosen}` : undefined} aria-label="Search everything"
          placeholder="An action, a version, a table, a run's id, a date such as 2026-03-29" autoFocus value={text} onKeyDown={press}
          onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} />
        <ul id="hits" role="listbox" aria-label="What was found" tabIndex={-1}>
          {hits.map((hit, i) => (
            <li key={hit.hash} id={`hit-${i}`} role="option" aria-selected={i === chosen} onClick={() => { close(); go(hit.hash); }} onMouseMove={() => setAt(i)}>
              <span class="name">{hit.name}</span><span class="kind">{hit.kind}</span>
            </li>
          ))}
        </ul>
        {hits.length === 0 ? <p class="quiet">Nothing has that in its name.</p> : null}
      </div>
    </Dialog>
  );
}

const leads: Record<string, [string, string]> = { o: ["#/", "Overview"], r: ["#/runs", "Runs"], t: ["#/tables", "Tables"], s: ["#/schedule", "Schedule"], a: ["#/activity", "Activity"] };

export function Keys({ close }: { close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        <dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>Search everything</dd>
        <dt><kbd>/</kbd></dt><dd>Search or filter on this page</dd>
        {Object.entries(leads).map(([key, [, name]]) => <><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{name}</dd></>)}
        <dt><kbd>?</kbd></dt><dd>These keys</dd>
        <dt><kbd>Esc</kbd></dt><dd>Close a window</dd>
        <dt>Arrows</dt><dd>In a grid or calendar: from cell to cell</dd>
      </dl>
      <p class="quiet small">This page contains the work of others: <a href="/licenses.txt" target="_blank" rel="noopener">their licences</a>.</p>
      <p class="ends"><button type="button" onClick={close}>Close</button></p>
    </Dialog>
  );
}

export function useKeys(open: (what: "find" | "keys") => void) {
  useLayoutEffect(() => {
    let gone = -Infinity; // when "g" was typed, which a page that is busy hears of later
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open("find");
        return;
      }
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || document.querySelector("dialog[open]")) return;
      const lead = leads[event.key];
      if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("#page input[type='search']");
        if (search) search.focus();
        else open("find");
      } else if (event.key === "?") open("keys");
      else if (event.key === "g") {
        gone = event.timeStamp;
        return;
      } else if (lead && event.timeStamp - gone < 1500) go(lead[0]);
      else return;
      gone = -Infinity;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
