// A service: the versions of its model and which one is live, how their metrics went, what was delivered.
import { useState } from "preact/hooks";
import { get, post, type Delivery, type Live, type Version } from "./api";
import { useLive, useNow } from "./live";
import { Doing, Problem, Section } from "./parts";
import { bytes, fromNow, local } from "./time";

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
      <figcaption>{metric}</figcaption>
    </figure>
  );
}

function Versions({ service, versions, live, reload, now }: { service: string; versions: Version[]; live: Live | null; reload: () => void; now: number }) {
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].sort();
  const change = (path: string, body: unknown) => async () => {
    await post(`/api/v1/services/${service}/${path}`, body);
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
        <p>Nothing is live yet.</p>
      )}
      <div class="plots">{metrics.map((metric) => <Plot key={metric} versions={versions} metric={metric} />)}</div>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Version</th><th scope="col">Data date</th>
              {metrics.map((metric) => <th key={metric} scope="col" class="right">{metric}</th>)}
              <th scope="col" class="right">Size</th><th scope="col">Saved</th><th scope="col">Run</th><th scope="col"><span class="hidden">Do</span></th>
            </tr>
          </thead>
          <tbody>
            {[...versions].reverse().map((version) => (
              <tr key={version.key}>
                <th scope="row">{version.version}{version.live ? <span class="badge">live</span> : null}</th>
                <td>{version.data_date}</td>
                {metrics.map((metric) => <td key={metric} class="right">{version.metrics[metric] === undefined ? "" : number(version.metrics[metric])}</td>)}
                <td class="right">{bytes(version.bytes)}</td>
                <td title={local(version.saved_at)}>{fromNow(version.saved_at, now)}</td>
                <td><a href={`#/runs/${version.run}`}>{version.run}</a></td>
                <td class="buttons">{version.live ? null : <Doing plain label="Promote" confirm={`Make ${version.version} live?`} what={change("promote", { version: version.key })} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Deliveries({ service, now }: { service: string; now: number }) {
  const { value, error, reload } = useLive(() => get<{ deliveries: Delivery[] }>(`/api/v1/services/${service}/deliveries`), "", service);
  const [all, setAll] = useState(false);
  if (!value) return <Problem message={error} />;
  if (value.deliveries.length === 0) return <p>Nothing was delivered yet; a run of the application does it.</p>;
  const shown = all ? value.deliveries : value.deliveries.slice(0, 20);
  return (
    <>
      <div class="scroll">
        <table>
          <thead><tr><th scope="col">Table</th><th scope="col">Data date</th><th scope="col" class="right">Rows</th><th scope="col" class="right">In the table</th><th scope="col">State</th><th scope="col">When</th><th scope="col">Run</th><th scope="col"><span class="hidden">Do</span></th></tr></thead>
          <tbody>
            {shown.map((delivery) => (
              <tr key={delivery.id}>
                <th scope="row">{delivery.table}</th>
                <td>{delivery.data_date}</td>
                <td class="right">{delivery.rows.toLocaleString()}</td>
                <td class="right">{delivery.table_rows.toLocaleString()}</td>
                <td>{delivery.undone_at ? "undone" : delivery.current ? "current" : "replaced"}</td>
                <td title={local(delivery.delivered_at)}>{fromNow(delivery.delivered_at, now)}</td>
                <td><a href={`#/runs/${delivery.run}`}>{delivery.run}</a></td>
                <td class="buttons">
                  {delivery.current && !delivery.undone_at ? (
                    <Doing plain label="Undo" confirm={`Put ${delivery.table} back to what it was before these ${delivery.rows} rows?`}
                      what={async () => {
                        await post(`/api/v1/services/${service}/deliveries/${delivery.id}/undo`);
                        reload();
                      }} />
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < value.deliveries.length ? <p><button type="button" class="plain" onClick={() => setAll(true)}>Show all {value.deliveries.length}</button></p> : null}
    </>
  );
}

export function ServicePage({ service }: { service: string }) {
  const now = useNow(1000);
  const { value, error, reload } = useLive(() => get<{ versions: Version[]; unreadable: string[]; live: Live | null }>(`/api/v1/services/${service}/versions`), "", service);
  return (
    <>
      <Section title={`Versions of ${service}`}>
        <Problem message={error} />
        {value?.unreadable.map((sentence) => <Problem key={sentence} message={sentence} />)}
        {value && value.versions.length === 0 ? <p>There is no version yet; a run of the training makes one.</p> : null}
        {value && value.versions.length > 0 ? <Versions service={service} versions={value.versions} live={value.live} reload={reload} now={now} /> : null}
      </Section>
      <Section title="Deliveries"><Deliveries service={service} now={now} /></Section>
    </>
  );
}
