// Everything there is to run: how it last went, what is next, what is wrong.
import { useState } from "preact/hooks";
import { get, inPath, post, type Graph, type Service, type Status, type Trouble } from "./api";
import { useLive, useNow } from "./live";
import { Doing, More, Problem, Section, StateMark, usePages } from "./parts";
import { between, fromNow, local } from "./time";

const troubles: Record<Trouble, string> = {
  failed: "failed, and has not succeeded since",
  late: "is late",
  "never-started": "did not start when it was expected",
};

function GraphRow({ graph, now, reload }: { graph: Graph; now: number; reload: () => void }) {
  const path = `/api/v1/graphs/${inPath(graph.graph)}`;
  const last = graph.last_run;
  return (
    <tr>
      <th scope="row">
        <a href={`#/graphs/${inPath(graph.graph)}`}>{graph.graph}</a>
        {graph.trouble ? <span class="trouble">{troubles[graph.trouble]}</span> : null}
      </th>
      <td>{last ? <a href={`#/runs/${last.id}`}><StateMark state={last.state} /></a> : <span class="quiet">never ran</span>}</td>
      <td>{last?.data_date}</td>
      <td title={local(last?.started_at ?? null)}>{between(last?.started_at ?? null, last?.ended_at ?? null, now)}</td>
      <td title={local(graph.next)}>
        {graph.paused ? `paused by ${graph.paused_by}` : graph.next ? fromNow(graph.next, now) : <span class="quiet">by hand</span>}
      </td>
      <td class="buttons">
        <Doing label="Run now" what={async () => {
          const started = await post<{ run: string }>(`${path}/runs`);
          window.location.hash = `#/runs/${started.run}`;
        }} />
        {graph.schedule ? (
          <Doing plain label={graph.paused ? "Resume" : "Pause"} what={async () => {
            await post(`${path}/${graph.paused ? "resume" : "pause"}`);
            reload();
          }} />
        ) : null}
      </td>
    </tr>
  );
}

function Health({ status }: { status: Status }) {
  return (
    <>
      {status.trouble ? <Problem message={`Nothing new starts: ${status.trouble}`} /> : null}
      {status.faults.map((fault) => <Problem key={fault.file + fault.message} message={`${fault.file}: ${fault.message}`} />)}
    </>
  );
}

function GraphTable({ graphs, now, reload, label }: { graphs: Graph[]; now: number; reload: () => void; label: string }) {
  return (
    <div class="scroll">
      <table aria-label={label}>
        <thead>
          <tr><th scope="col">What</th><th scope="col">Last run</th><th scope="col">Data date</th><th scope="col">Took</th><th scope="col">Next</th><th scope="col"><span class="hidden">Do</span></th></tr>
        </thead>
        <tbody>{graphs.map((graph) => <GraphRow key={graph.graph} graph={graph} now={now} reload={reload} />)}</tbody>
      </table>
    </div>
  );
}

interface Graphs {
  graphs: Graph[];
  all: number;
  next: string | null;
}

// What failed, is late or never ran: first, or it is overlooked.
function Troubled({ now }: { now: number }) {
  const pages = usePages<Graph>((cursor) => get<Graphs>(`/api/v1/graphs?trouble=any&limit=50${cursor}`).then(({ graphs, next }) => ({ items: graphs, next })), "trouble");
  return (
    <>
      <Problem message={pages.error} />
      {pages.items && pages.items.length > 0 ? (
        <Section title="Needs a look">
          <GraphTable graphs={pages.items} now={now} reload={pages.reload} label="Needs a look" />
          <More pages={pages} />
        </Section>
      ) : null}
    </>
  );
}

function Everything({ now }: { now: number }) {
  const [part, setPart] = useState("");
  const [all, setAll] = useState(0);
  const pages = usePages<Graph>((cursor) =>
    get<Graphs>(`/api/v1/graphs?limit=100&q=${encodeURIComponent(part)}${cursor}`).then((page) => {
      setAll(page.all);
      return { items: page.graphs, next: page.next };
    }), `graphs ${part}`);
  return (
    <>
      <Problem message={pages.error} />
      {all > 10 ? <p><label>Find <input type="search" value={part} onInput={(event) => setPart(event.currentTarget.value)} /></label> <span class="quiet">among {all.toLocaleString()}</span></p> : null}
      {pages.items && pages.items.length === 0 ? (
        part ? <p>None is called so. Names are as in the files: <code>service/action</code>, or a graph file's <code>dag_id</code>.</p>
          : <p>There is nothing to run here yet. Type <code>busker init</code> in the folder of a model, and <code>busker up</code> finds it.</p>
      ) : null}
      {pages.items && pages.items.length > 0 ? <GraphTable graphs={pages.items} now={now} reload={pages.reload} label="What there is to run" /> : null}
      <More pages={pages} />
    </>
  );
}

export function Overview() {
  const now = useNow(1000);
  const status = useLive(() => get<Status>("/api/v1/status"), "", "status");
  const services = useLive(() => get<{ services: Service[] }>("/api/v1/services"), "", "services");
  return (
    <>
      <Troubled now={now} />
      <Section main title="Overview">
        <Problem message={status.error || services.error} />
        {status.value ? <Health status={status.value} /> : null}
        {services.value?.services.map((service) => (
          <p key={service.service}>
            <a href={`#/services/${service.service}`}>{service.service}</a> {service.version}:{" "}
            {service.live ? <>version <strong>{service.live.version}</strong> is live, {fromNow(service.live.at, now)}</> : "nothing is live yet"}
            <span class="quiet"> ({service.versions} {service.versions === 1 ? "version" : "versions"})</span>
          </p>
        ))}
        <Everything now={now} />
      </Section>
    </>
  );
}
