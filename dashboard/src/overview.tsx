// Everything there is to run: how it last went, what is next, what is wrong.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { get, inPath, path, post, query, type Graph, type Service, type Status, type Trouble } from "./api";
import { useLive, useNow } from "./live";
import { doHead, Doing, More, Problem, Section, StateMark, Table, usePages } from "./parts";
import { between, fromNow, local } from "./time";

const troubles: Record<Trouble, string> = {
  failed: "failed, and has not succeeded since",
  late: "is late",
  "never-started": "did not start when it was expected",
};

function Health({ status }: { status: Status }) {
  return (
    <>
      {status.trouble ? <Problem message={`Nothing new starts: ${status.trouble}`} /> : null}
      {status.faults.map((fault) => <Problem key={fault.file + fault.message} message={`${fault.file}: ${fault.message}`} />)}
    </>
  );
}

function GraphTable({ graphs, now, reload, label, empty }: { graphs: Graph[]; now: number; reload: () => void; label: string; empty: ComponentChildren }) {
  const verb = (graph: Graph, name: string) => path("graphs", inPath(graph.graph), name);
  const next = (graph: Graph) =>
    graph.paused ? `paused by ${graph.paused_by}`
      : graph.next ? fromNow(graph.next, now)
      : <span class="quiet">{graph.after.length > 0 ? `after ${graph.after.join(", ")}` : "by hand"}</span>;
  return (
    <Table label={label} rows={graphs} keyOf={(graph) => graph.graph} empty={empty} columns={[
      { name: "What", kind: "head", cell: (graph) => <>
        <a href={`#/graphs/${inPath(graph.graph)}`}>{graph.graph}</a>
        {graph.trouble ? <div class="trouble">{troubles[graph.trouble]}</div> : null}
      </> },
      { name: "Last run", cell: ({ last_run: last }) => last ? <a href={`#/runs/${last.id}`}><StateMark state={last.state} /></a> : <span class="quiet">never ran</span> },
      { name: "Data date", cell: ({ last_run: last }) => last?.data_date },
      { name: "Took", cell: ({ last_run: last }) => between(last?.started_at ?? null, last?.ended_at ?? null, now), title: ({ last_run: last }) => local(last?.started_at ?? null) },
      { name: "Next", cell: next, title: (graph) => local(graph.next) },
      { name: doHead, kind: "buttons", cell: (graph) => <>
        <Doing label="Run now" what={async () => {
          const started = await post<{ run: string }>(verb(graph, "runs"));
          window.location.hash = `#/runs/${started.run}`;
        }} />
        {graph.schedule || graph.after.length > 0 ? (
          <Doing plain label={graph.paused ? "Resume" : "Pause"} what={async () => {
            await post(verb(graph, graph.paused ? "resume" : "pause"));
            reload();
          }} />
        ) : null}
      </> },
    ]} />
  );
}

interface Graphs {
  graphs: Graph[];
  all: number;
  next: string | null;
}

// What failed, is late or never ran: first, or it is overlooked.
const pageOf = (values: Record<string, string | number>) => (cursor: string) => get<Graphs>(path("graphs") + query({ ...values, cursor }));

// What failed, is late or never ran: first, or it is overlooked.
function Troubled({ now }: { now: number }) {
  const load = pageOf({ trouble: "any", limit: 50 });
  const pages = usePages<Graph>((cursor) => load(cursor).then(({ graphs, next }) => ({ items: graphs, next })), "trouble");
  return (
    <>
      <Problem message={pages.error} />
      {pages.items && pages.items.length > 0 ? (
        <Section title="Needs a look">
          <GraphTable graphs={pages.items} now={now} reload={pages.reload} label="Needs a look" empty="" />
          <More pages={pages} />
        </Section>
      ) : null}
    </>
  );
}

function Everything({ now }: { now: number }) {
  const [part, setPart] = useState("");
  const [all, setAll] = useState(0);
  const load = pageOf({ limit: 50, q: part });
  const pages = usePages<Graph>((cursor) => load(cursor).then((page) => {
    setAll(page.all);
    return { items: page.graphs, next: page.next };
  }), `graphs ${part}`);
  return (
    <>
      <Problem message={pages.error} />
      {all > 10 ? <p><label>Find <input type="search" value={part} onInput={(event) => setPart(event.currentTarget.value)} /></label> <span class="quiet">among {all.toLocaleString()}</span></p> : null}
      {pages.items ? (
        <GraphTable graphs={pages.items} now={now} reload={pages.reload} label="What there is to run" empty={part
          ? <>None is called so. Names are as in the files: <code>service/action</code>, or a graph file's <code>dag_id</code>.</>
          : <>There is nothing to run here yet. Type <code>busker init</code> in the folder of a model, and <code>busker up</code> finds it.</>} />
      ) : null}
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
      <Section main title="Overview">
        <Problem message={status.error || services.error} />
        {status.value ? <Health status={status.value} /> : null}
        <Troubled now={now} />
        {services.value?.services.map((service) => (
          <p key={service.service}>
            <a href={`#/services/${service.service}`}>{service.service}</a> {service.version}:{" "}
            {service.unreadable ? <strong>{service.unreadable}</strong>
              : service.live ? <>version <strong>{service.live.version}</strong> is live, {fromNow(service.live.at, now)}</> : "nothing is live yet"}
            {service.versions === null ? null
              : <span class="quiet"> ({service.versions} {service.versions === 1 ? "version" : "versions"})</span>}
          </p>
        ))}
        <Everything now={now} />
      </Section>
    </>
  );
}
