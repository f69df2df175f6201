// Everything there is to run: how it last went, what is next, what is wrong.
import { get, inPath, post, type Graph, type Service, type Status } from "./api";
import { useLive, useNow } from "./live";
import { Doing, Problem, Section, StateMark } from "./parts";
import { between, fromNow, local } from "./time";

function GraphRow({ graph, now, reload }: { graph: Graph; now: number; reload: () => void }) {
  const path = `/api/v1/graphs/${inPath(graph.graph)}`;
  const last = graph.last_run;
  return (
    <tr>
      <th scope="row">
        <a href={`#/graphs/${inPath(graph.graph)}`}>{graph.graph}</a>
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

export function Overview() {
  const now = useNow(1000);
  const status = useLive(() => get<Status>("/api/v1/status"), "", "status");
  const services = useLive(() => get<{ services: Service[] }>("/api/v1/services"), "", "services");
  const { value, error, reload } = useLive(() => get<{ graphs: Graph[] }>("/api/v1/graphs"), "", "graphs");
  return (
    <Section main title="Overview">
      <Problem message={error || status.error || services.error} />
      {status.value ? <Health status={status.value} /> : null}
      {services.value?.services.map((service) => (
        <p key={service.service}>
          <a href={`#/services/${service.service}`}>{service.service}</a> {service.version}:{" "}
          {service.live ? <>version <strong>{service.live.version}</strong> is live, {fromNow(service.live.at, now)}</> : "nothing is live yet"}
          <span class="quiet"> ({service.versions} {service.versions === 1 ? "version" : "versions"})</span>
        </p>
      ))}
      {value && value.graphs.length === 0 ? (
        <p>There is nothing to run here yet. Type <code>busker init</code> in the folder of a model, and <code>busker up</code> finds it.</p>
      ) : null}
      {value && value.graphs.length > 0 ? (
        <div class="scroll">
          <table>
            <thead>
              <tr><th scope="col">What</th><th scope="col">Last run</th><th scope="col">Data date</th><th scope="col">Took</th><th scope="col">Next</th><th scope="col"><span class="hidden">Do</span></th></tr>
            </thead>
            <tbody>{value.graphs.map((graph) => <GraphRow key={graph.graph} graph={graph} now={now} reload={reload} />)}</tbody>
          </table>
        </div>
      ) : null}
    </Section>
  );
}
