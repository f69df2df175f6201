// A service: the versions of its model and which one is live, how their metrics went, what was delivered.
import { useState } from "preact/hooks";
import { get, inPath, path, post, query, type Delivery, type Graph, type Live, type Version } from "./api";
import { useLive, useNow } from "./live";
import { doHead, Doing, Empty, Problem, Section, StateMark, Table, type Column } from "./parts";
import { between, bytes, fromNow, local } from "./time";

const number = (value: number) => Number(value.toPrecision(6)).toLocaleString();

// One metric of all versions, the oldest left; the live one is marked.
function Plot({ versions, metric }: { versions: Version[]; metric: string }) {
  const points = versions.filter((version) => metric in version.metrics);
  const values = points.map((version) => version.metrics[metric] ?? 0);
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const x = (i: number) => (points.length === 1 ? 150 : 10 + (280 * i) / (points.length - 1));
  const y = (value: number) => 70 - (60 * (value - least)) / span;
  return (
    <figure>
      <svg viewBox="0 0 300 80" role="img" aria-label={`${metric} of ${points.length} versions, from ${number(values[0] ?? 0)} to ${number(values[values.length - 1] ?? 0)}`}>
        <polyline points={values.map((value, i) => `${x(i)},${y(value)}`).join(" ")} class="line" />
        {points.map((version, i) => (
          <circle key={version.key} cx={x(i)} cy={y(values[i] ?? 0)} r={version.live ? 5 : 3} class={version.live ? "point live" : "point"}>
            <title>{`${version.version}: ${number(values[i] ?? 0)}${version.live ? ", live" : ""}`}</title>
          </circle>
        ))}
      </svg>
      <figcaption>{metric}{points.length > 1 ? `, ${number(least)} to ${number(Math.max(...values))}` : ""}</figcaption>
    </figure>
  );
}

function Versions({ service, versions, live, reload, now }: { service: string; versions: Version[]; live: Live | null; reload: () => void; now: number }) {
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].sort();
  const change = (verb: string, body: unknown) => async () => {
    await post(path("services", service, verb), body);
    reload();
  };
  return (
    <>
      {live ? (
        <p>
          <strong>{live.version}</strong> is live, since {local(live.at)} by {live.by}: {live.why}{" "}
          {live.can_roll_back ? <Doing plain label="Roll back" confirm="Make live again what was live before?" what={change("rollback", {})} /> : null}
        </p>
      ) : (
        <p>Nothing is live yet: promote a version, or let <code>promote_when</code> decide.</p>
      )}
      <div class="plots">{metrics.map((metric) => <Plot key={metric} versions={versions} metric={metric} />)}</div>
      <Table label="Versions" rows={[...versions].reverse()} keyOf={(version) => version.key} empty="There is no version yet." columns={[
        { name: "Version", kind: "head", cell: (version) => <>{version.version}{version.live ? <span class="badge">live</span> : null}{version.gate?.passed === false ? <span class="refusal">refused</span> : null}</> },
        { name: "Data date", cell: (version) => version.data_date },
        ...metrics.map((metric): Column<Version> => ({
          name: metric, kind: "right", cell: (version) => (version.metrics[metric] === undefined ? "" : number(version.metrics[metric])),
        })),
        { name: "Size", kind: "right", cell: (version) => bytes(version.bytes) },
        { name: "Saved", cell: (version) => fromNow(version.saved_at, now), title: (version) => local(version.saved_at) },
        { name: "Run", cell: (version) => <a href={`#/runs/${version.run}`}>{version.run}</a> },
        { name: "Gate", cell: (version) => (version.gate ? `${version.gate.passed ? "passed" : "refused"}: ${version.gate.why}` : "") },
        { name: doHead, kind: "buttons", cell: (version) => version.live ? null
          : <Doing plain label="Promote" confirm={`Make ${version.version} live?`} what={change("promote", { version: version.key })} /> },
      ]} />
    </>
  );
}

function Deliveries({ service, now }: { service: string; now: number }) {
  const { value, error, reload } = useLive(() => get<{ deliveries: Delivery[] }>(path("services", service, "deliveries")), "", service);
  const [all, setAll] = useState(false);
  if (!value) return <Problem message={error} />;
  const shown = all ? value.deliveries : value.deliveries.slice(0, 20);
  const undo = (delivery: Delivery) => async () => {
    await post(path("services", service, "deliveries", delivery.id, "undo"));
    reload();
  };
  return (
    <>
      <Problem message={error} />
      <Table label="Deliveries" rows={shown} keyOf={(delivery) => delivery.id} empty="Nothing was delivered yet; a run of the application does it." columns={[
        { name: "Table", kind: "head", cell: (delivery) => delivery.table },
        { name: "Data date", cell: (delivery) => delivery.data_date },
        { name: "Rows", kind: "right", cell: (delivery) => delivery.rows.toLocaleString() },
        { name: "In the table", kind: "right", cell: (delivery) => delivery.table_rows.toLocaleString() },
        { name: "State", cell: (delivery) => (delivery.undone_at ? "undone" : delivery.current ? "current" : "replaced") },
        { name: "When", cell: (delivery) => fromNow(delivery.delivered_at, now), title: (delivery) => local(delivery.delivered_at) },
        { name: "Run", cell: (delivery) => <a href={`#/runs/${delivery.run}`}>{delivery.run}</a> },
        { name: doHead, kind: "buttons", cell: (delivery) => delivery.current && !delivery.undone_at ? (
          <Doing plain label="Undo" confirm={`Put ${delivery.table} back to what it was before these ${delivery.rows} rows?`} what={undo(delivery)} />
        ) : null },
      ]} />
      {shown.length < value.deliveries.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {value.deliveries.length}</button></p> : null}
    </>
  );
}

// What the service does and when, each with its own page.
function Actions({ service, now }: { service: string; now: number }) {
  const { value, error } = useLive(() => get<{ graphs: Graph[] }>(path("graphs") + query({ service, limit: 200 })), "", "graphs");
  if (!value) return <Problem message={error} />;
  return (
    <>
      <Problem message={error} />
      <Table label="Actions" rows={value.graphs.filter((graph) => graph.service === service)} keyOf={(graph) => graph.graph}
        empty="Its busker.toml has no action; give it one, such as [actions.training]." columns={[
          { name: "Action", kind: "head", cell: (graph) => <a href={`#/graphs/${inPath(graph.graph)}`}>{graph.graph}</a> },
          { name: "Last run", cell: (graph) => graph.last_run ? <a href={`#/runs/${graph.last_run.id}`}><StateMark state={graph.last_run.state} /></a> : <span class="quiet">never ran</span> },
          { name: "Took", kind: "right", cell: (graph) => between(graph.last_run?.started_at ?? null, graph.last_run?.ended_at ?? null, now) },
          { name: "Schedule", cell: (graph) => graph.schedule ? <><code>{graph.schedule}</code> <span class="quiet">{graph.time_zone}</span></> : <span class="quiet">by hand</span> },
          { name: "Next", cell: (graph) => (graph.paused ? `paused by ${graph.paused_by}` : fromNow(graph.next, now)), title: (graph) => local(graph.next) },
        ]} />
    </>
  );
}

export function ServicePage({ service }: { service: string }) {
  const now = useNow(1000);
  const { value, error, reload } = useLive(() => get<{ versions: Version[]; unreadable: string[]; live: Live | null }>(path("services", service, "versions")), "", service);
  return (
    <>
      <Section main title={`Versions of ${service}`}>
        <Problem message={error} />
        {value?.unreadable.map((sentence) => <Problem key={sentence} message={sentence} />)}
        {value && value.versions.length === 0 ? <Empty>There is no version yet; a run of the training makes one.</Empty> : null}
        {value && value.versions.length > 0 ? <Versions service={service} versions={value.versions} live={value.live} reload={reload} now={now} /> : null}
      </Section>
      <Section title="Actions"><Actions service={service} now={now} /></Section>
      <Section title="Deliveries"><Deliveries service={service} now={now} /></Section>
    </>
  );
}
