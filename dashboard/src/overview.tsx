// Everything there is to run: what needs a look first, then by service how it goes.
import { useEffect, useState } from "preact/hooks";
import { get, inPath, path, query, type Debt, type Graph, type Online, type Recent, type Service, type Status, type DataDate, type Trouble } from "./api";
import { useLive, useNow } from "./live";
import { Empty, marks, More, PauseButton, Problem, RunNow, Section, StateMark, usePages, When } from "./parts";
import { ask, hashWith, usePlace, type Place } from "./place";
import { numberOf, leading } from "./metrics";
import { plural } from "./plural";
import { about, between, duration, fromNow, stamp } from "./time";

const barsShown = 14, looksShown = 20;
export const page = (graph: string) => `#/graphs/${inPath(graph)}`;

const length = (run: Recent, now: number) => (run.started_at ? Math.max(0, (run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(run.started_at)) : 0);

// The newest runs as bars, the newest right: as high as they took long, with colour and sign of their state.
export function Bars({ runs, now, of }: { runs: Recent[]; now: number; of: string }) {
  const across = runs.slice(0, barsShown).reverse();
  const longest = Math.max(1, ...across.map((run) => length(run, now)));
  const count = (state: string) => across.filter((run) => run.state === state).length;
  const words = [...new Set(across.map((run) => run.state))].map((state) => `${count(state)} ${state}`).join(", ");
  const step = 206 / barsShown, empty = barsShown - across.length;
  return (
    <svg class="bars" viewBox="0 0 206 34" preserveAspectRatio="xMinYMid" role="group" aria-label={across.length ? `The last ${plural(across.length, "run")} of ${of}: ${words}` : `${of} never ran`}>
      {Array.from({ length: empty }, (_, i) => <rect key={i} class="slot" x={i * step + 1.5} y="30" width={step - 3} height="3" rx="1" />)}
      {across.map((run, i) => {
        const height = Math.max(4, (23 * length(run, now)) / longest), x = (empty + i) * step;
        return (
          <a key={run.id} href={`#/runs/${run.id}`} tabIndex={-1}>
            <title>{`${run.data_date}: ${run.state}${run.started_at ? `, ${duration(length(run, now))}` : ""}${run.message ? `\n${run.message.slice(0, 300)}` : ""}`}</title>
            <rect x={x} y="0" width={step} height="34" fill="transparent" />
            <rect class={`bar ${run.state}`} x={x + 1.5} y={33 - height} width={step - 3} height={height} rx="1.5" />
            {run.state === "succeeded" ? null : <text aria-hidden="true" class={`bar ${run.state}`} x={x + step / 2} y={Math.max(8, 30 - height)}>{marks[run.state]}</text>}
          </a>
        );
      })}
    </svg>
  );
}

const troubles: Record<Trouble, string> = {
  failed: "failed, and has not succeeded since",
  late: "is late",
  "never-started": "did not start when it was expected",
};

interface Open {
  graph: string;
  count: number;
  failed: number;
  missing: number;
  dates: DataDate[]; // the latest of them
}

interface OpenPage {
  graphs: Open[];
  all: number;
  next: string | null;
  more: boolean;
}

function OpenDates({ open }: { open: Open }) {
  const failed = open.dates.filter((date) => date.state === "failed"), missing = open.dates.filter((date) => date.state === null);
  const newest = failed[0];
  const list = (dates: DataDate[], all: number) => <>{dates.slice(0, 6).map((date, i) => <>{i > 0 ? ", " : ""}<span class="nowrap">{date.run ? <a href={`#/runs/${date.run}`}>{date.date}</a> : date.date}</span></>)}{all > Math.min(dates.length, 6) ? " and more" : ""}</>;
  return (
    <li class="look cancelled">
      <div class="what"><StateMark state={open.failed > 0 ? "failed" : "missing"} word="open" /> <a href={page(open.graph)}>{open.graph}</a></div>
      {open.failed > 0 ? <p>{plural(open.failed, "data date")} failed, and did not succeed since: {list(failed, open.failed)}</p> : null}
      {open.missing > 0 ? <p>{plural(open.missing, "data date")} never ran, between others that succeeded: {list(missing, open.missing)}</p> : null}
      {newest?.message ? <p class="said">{newest.message}</p> : null}
      <div class="does"><a href={`${page(open.graph)}?show=dates`}>Data dates, and what fills them</a></div>
    </li>
  );
}

// What failed, is late, never started or was left behind: first, or it is overlooked.
function NeedsALook({ status, services, now, place }: { status: Status; services: Service[]; now: number; place: Place }) {
  const pages = usePages<Graph>((cursor) => get<{ graphs: Graph[]; next: string | null }>(path("graphs") + query({ trouble: "any", runs: 1, limit: looksShown, cursor }))
    .then(({ graphs, next }) => ({ items: graphs, next })), "trouble");
  const [left, setLeft] = useState({ all: 0, more: false }); // whether not all were looked at
  const open = usePages<Open>((cursor) => get<OpenPage>(path("dates", "open") + query({ limit: looksShown, cursor })).then(({ graphs, all, next, more }) => {
    setLeft({ all, more });
    return { items: graphs, next };
  }), "open", false, 8000);
  useEffect(() => {
    if (!left.more) return undefined;
    const timer = window.setTimeout(open.reload, 700); // it goes on where it was
    return () => window.clearTimeout(timer);
  }, [left]);
  const troubled = pages.items ?? [];
  const waiting = services.filter((service) => service.waits);
  const behind = (status.online ?? []).filter((one) => one.behind);
  // What is told as failed already is not told again, unless there is more to it.
  const openToo = (open.items ?? []).filter((one) => {
    const told = troubled.find((graph) => graph.graph === one.graph);
    return !(told?.trouble === "failed" && one.count === 1 && one.dates[0]?.run === told.last_run?.id);
  });
  const nothing = troubled.length + openToo.length + status.debts.length + status.undelivered.length + status.uncopied.length + status.faults.length + waiting.length + behind.length === 0 && !status.trouble;
  if (nothing || place.query.get("show")) return <Problem message={pages.error} />;
  return (
    <Section title="Needs a look">
      <Problem message={pages.error} />
      {status.trouble ? <Problem message={`Nothing new starts: ${status.trouble}`} /> : null}
      {status.faults.map((fault) => <Problem key={fault.file + fault.message} message={`${fault.file}: ${fault.message}`} />)}
      <ul class="looks" aria-label="Needs a look">
        {troubled.map((graph) => (
          <li key={graph.graph} class="look">
            <div class="what"><StateMark state="failed" word={graph.trouble === "failed" ? "failed" : graph.trouble === "late" ? "late" : "never started"} /> <a href={page(graph.graph)}>{graph.graph}</a></div>
            <p>{`${troubles[graph.trouble ?? "failed"].replace(/^./, (c) => c.toUpperCase())}.`} {graph.last_success ? <>Last success <When at={graph.last_success} now={now} />.</> : "It never succeeded."}</p>
            {graph.trouble === "failed" && graph.last_run?.message ? <p class="said">{graph.last_run.message}</p> : null}
            <div class="does">
              {graph.last_run ? <a href={`#/runs/${graph.last_run.id}`}>Run for {graph.last_run.data_date}</a> : null}
              <RunNow graph={graph.graph} plain />
            </div>
          </li>
        ))}
        {openToo.map((one) => <OpenDates key={one.graph} open={one} />)}
        {waiting.map((service) => (
          <li key={service.service} class="look cancelled">
            <div class="what"><StateMark state="queued" word="waits for approval" /> <a href={`#/services/${service.service}`}>{service.service}</a></div>
            <p>Version {service.waits?.version} passed <When at={service.waits?.at ?? null} now={now} />, and is live when somebody approves it.</p>
            {service.waits?.why ? <p class="said">{service.waits.why}</p> : null}
            <div class="does"><a href={`#/services/${service.service}`}>Compare and approve</a></div>
          </li>
        ))}
        {behind.map((one) => (
          <li key={one.service} class="look">
            <div class="what"><StateMark state="failed" word="behind the pointer" /> <a href={`#/services/${one.service}`}>{one.service}</a></div>
            <Behind online={one} now={now} />
            <div class="does"><a href={`#/services/${one.service}`}>Its versions</a></div>
          </li>
        ))}
        {status.undelivered.map((one) => (
          <li key={one.to} class="look"><div class="what"><StateMark state="failed" word="not told" /></div>
            <p>{plural(one.notices, "notice does", "notices do")} not get through to {one.to}, tried {plural(one.tries, "time")}; again {fromNow(one.next_try, now)}.</p>
            {one.why ? <p class="said">{one.why}</p> : null}</li>
        ))}
        {status.uncopied.map((one) => (
          <li key={one.to} class="look"><div class="what"><StateMark state="failed" word="not copied" /></div>
            <p>The logs of {plural(one.runs, "run")} are not at {one.to} yet, tried {plural(one.tries, "time")}; again {fromNow(one.next_try, now)}.</p>
            {one.why ? <p class="said">{one.why}</p> : null}</li>
        ))}
        {status.debts.map((debt: Debt) => (
          <li key={debt.what + debt.where} class="look"><div class="what"><StateMark state="failed" word="left behind" /> {debt.what}</div>
            <p>In {debt.where}, since <When at={debt.since} now={now} />{debt.run ? <>, of <a href={`#/runs/${debt.run}`}>{debt.run}</a></> : null}. It may cost money.</p>
            <p class="said">{debt.why}</p></li>
        ))}
      </ul>
      <More pages={pages} label="Show more of what failed or is late" />
      <More pages={open} label={`Show more open data dates, of ${left.all.toLocaleString()} actions and graphs`} />
    </Section>
  );
}

// Why predictions are not answered from what is live, and from what instead.
export function Behind({ online, now }: { online: Online; now: number }) {
  return (
    <>
      <p>Predictions are answered {online.version ? <>from <strong>{online.version}</strong></> : "by nobody"}, and not from {online.wanted ? <strong>{online.wanted}</strong> : "the version"} that is live{online.since ? <>, since <When at={online.since} now={now} /></> : null}.</p>
      {online.because ? <p class="said">{online.because}</p> : null}
    </>
  );
}

function Action({ graph, now, reload }: { graph: Graph; now: number; reload: () => void }) {
  const last = graph.last_run, delivered = graph.last_delivery;
  const next = graph.paused ? <span class="odd">paused by {graph.paused_by}</span>
    : graph.next ? <span>next <When at={graph.next} now={now} zone={graph.time_zone} /></span>
    : <span class="quiet">{graph.after.length > 0 ? `after ${graph.after.join(", ")}` : "by hand"}</span>;
  return (
    <li class="action">
      <a class="name" href={page(graph.graph)}>{graph.service ? <><span class="of">{graph.service}/</span>{graph.action ?? graph.graph.slice(graph.service.length + 1)}</> : graph.graph}</a>
      <Bars runs={graph.recent ?? []} now={now} of={graph.graph} />
      <div class="col last">
        {last ? <>
          <a href={`#/runs/${last.id}`}><StateMark state={last.state} />{" "}{last.ended_at ? <When at={last.ended_at} now={now} zone={graph.time_zone} /> : last.started_at ? `for ${about(now - Date.parse(last.started_at))}` : null}</a>
          {last.gate?.passed === false ? <span class="odd" title={last.gate.why}>its version was refused by the gate</span> : null}
          <span class="quiet">for {last.data_date}{last.started_at ? `, ${between(last.started_at, last.ended_at, now)}` : ""}</span>
        </> : <span class="quiet">never ran</span>}
      </div>
      <div class="col next">{next}{graph.next && !graph.paused ? <span class="quiet">{stamp(graph.next, graph.time_zone)}</span> : null}</div>
      <div class="col delivered">
        {delivered ? <><a title={delivered.table} href={`#/tables/${graph.service}/${delivered.table}`}>{delivered.table}</a><span class="quiet">{plural(delivered.rows, "row")}, <When at={delivered.delivered_at} now={now} /></span></> : null}
      </div>
      <div class="does">
        <RunNow graph={graph.graph} plain />
        {graph.schedule || graph.after.length > 0 ? <PauseButton graph={graph.graph} paused={graph.paused} done={reload} /> : null}
      </div>
      {last?.state === "failed" && last.message ? <p class="why">{last.message}</p> : null}
    </li>
  );
}

function LiveVersion({ service, now }: { service: Service; now: number }) {
  if (service.unreadable) return <strong class="odd">{service.unreadable}</strong>;
  const live = service.live;
  if (!live) return <span class="quiet">nothing is live yet{service.versions ? `, of ${plural(service.versions, "version")}` : ""}</span>;
  const gates = Object.values(service.promote_when ?? {}).join(" ");
  const metric = live.metrics ? leading(Object.keys(live.metrics), gates) : null;
  return (
    <>
      <span><span class="pill">live</span> <a href={`#/services/${service.service}`}>version {live.number ?? live.version}</a></span>
      {metric ? <span><span class="quiet">{metric}</span> <strong>{numberOf(live.metrics?.[metric] ?? 0)}</strong></span> : null}
      {live.data_date ? <span class="quiet">data of {live.data_date}</span> : null}
      <span class="quiet">live for {about(now - Date.parse(live.at))}</span>
      {live.pin ? <span class="pill cancelled" title={live.pin.why}>pinned</span> : null}
      {service.online?.behind ? <a class="pill failed" title={service.online.because ?? undefined} href={`#/services/${service.service}`}>behind the pointer</a> : null}
      {service.waits ? <a class="pill cancelled" href={`#/services/${service.service}`}>a version waits for approval</a> : null}
    </>
  );
}

const filters: Record<string, { name: string; sign: keyof typeof marks | null; has: (graph: Graph) => boolean }> = {
  failed: { name: "failed", sign: "failed", has: (graph) => graph.last_run?.state === "failed" || graph.trouble === "failed" },
  late: { name: "late", sign: "missing", has: (graph) => graph.trouble === "late" || graph.trouble === "never-started" },
  running: { name: "running", sign: "running", has: (graph) => (graph.recent ?? []).some((run) => run.state === "running") },
  queued: { name: "queued", sign: "queued", has: (graph) => (graph.recent ?? []).some((run) => run.state === "queued") },
  paused: { name: "paused", sign: "cancelled", has: (graph) => graph.paused },
  succeeded: { name: "succeeded", sign: "succeeded", has: (graph) => graph.last_run?.state === "succeeded" },
};

function Everything({ now, services, place }: { now: number; services: Service[]; place: Place }) {
  const part = place.query.get("q") ?? "", show = place.query.get("show") ?? "";
  const load = (cursor: string) => get<{ graphs: Graph[]; all: number; next: string | null }>(path("graphs") + query({ limit: 100, runs: barsShown, q: part, cursor }));
  const pages = usePages<Graph>((cursor) => load(cursor).then((answer) => ({ items: answer.graphs, next: answer.next, all: answer.all })), `graphs ${part}`);
  if (!pages.items) return <Problem message={pages.error} />;
  const graphs = pages.items, chosen = filters[show];
  const shown = chosen ? graphs.filter(chosen.has) : graphs;
  const groups = new Map<string, Graph[]>();
  for (const graph of shown) groups.set(graph.service ?? "", [...(groups.get(graph.service ?? "") ?? []), graph]);
  const names = [...new Set([...(part || chosen ? [] : services.map((each) => each.service)), ...groups.keys()])].filter(Boolean).sort();
  const files = groups.get("") ?? [];
  const list = (of: Graph[]) => <ul class="actions">{of.map((graph) => <Action key={graph.graph} graph={graph} now={now} reload={pages.reload} />)}</ul>;
  return (
    <>
      <Problem message={pages.error} />
      {graphs.length > 0 || part ? (
        <div class="chips" role="group" aria-label="Show only">
          <a class="chip" href={hashWith(place, { show: "" })} aria-current={show ? undefined : "true"}><b>{graphs.length}{pages.more ? "+" : ""}</b> all</a>
          {Object.entries(filters).map(([key, filter]) => {
            const count = graphs.filter(filter.has).length;
            return count > 0 || key === show ? (
              <a key={key} class="chip" href={hashWith(place, { show: key })} aria-current={key === show ? "true" : undefined}>
                {filter.sign ? <span class={`state ${filter.sign}`} aria-hidden="true">{marks[filter.sign]}</span> : null}<b>{count}</b> {filter.name}
              </a>
            ) : null;
          })}
          <label><span class="hidden">Find by name</span><input type="search" id="find" placeholder="Find by name  /" value={part} onInput={(event) => ask(place, { q: event.currentTarget.value })} /></label>
        </div>
      ) : null}
      {names.map((name) => {
        const service = services.find((each) => each.service === name);
        return (
          <section key={name} class="card service" aria-label={name}>
            <div class="head">
              <h2><a href={`#/services/${name}`}>{name}</a></h2>
              {service ? <><span class="quiet">{service.version}</span><LiveVersion service={service} now={now} /></> : null}
            </div>
            {list(groups.get(name) ?? [])}
          </section>
        );
      })}
      {files.length > 0 ? <section class="card service" aria-label="Graph files"><div class="head"><h2>Graph files</h2></div>{list(files)}</section> : null}
      {shown.length === 0 ? <Empty>{part || chosen
        ? <>None is like that. <a href="#/">Show all</a>. Names are as in the files: <code>service/action</code>, or a graph file's <code>dag_id</code>.</>
        : <>There is nothing to run here yet. Type <code>busker init</code> in the folder of a model, and <code>busker up</code> finds it.</>}</Empty> : null}
      <More pages={pages} />
    </>
  );
}

export function Overview() {
  const place = usePlace();
  const now = useNow(2000);
  const status = useLive(() => get<Status>("/api/v1/status"), "", "status");
  const services = useLive(() => get<{ services: Service[] }>("/api/v1/services"), "", "services", 2000);
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <Problem message={status.error || services.error} />
      {status.value ? <NeedsALook status={status.value} services={services.value?.services ?? []} now={now} place={place} /> : null}
      <Everything now={now} services={services.value?.services ?? []} place={place} />
    </>
  );
}
