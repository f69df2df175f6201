// A service: the versions of its model, how a metric went over data dates, which one is live and what would
// be; two of them compared; its actions and tables.
import { get, graphOf, inPath, path, post, query, type Delivery, type Graph, type Live, type Online, type Version, type Waiting, type Whole } from "./api";
import { Chart, type Point } from "./chart";
import { useLive, useNow, useUntilSettled } from "./live";
import { boundOf, leading, lessIsBetter, numberOf } from "./metrics";
import { Bars, Behind } from "./overview";
import { Crumbs, doHead, Doing, Empty, Problem, Section, StateMark, Table, When, type Column } from "./parts";
import { ask, type Place } from "./place";
import { bytes, stamp } from "./time";
import { Try } from "./try";

interface Answer {
  versions: Version[];
  unreadable: string[];
  live: Live | null;
  promote_when?: Record<string, string>;
  waits?: Waiting | null;
  online?: Online | null;
}
interface Numbered extends Version {
  number: number;
}

const gateText = (answer: Answer) => Object.values(answer.promote_when ?? {}).join(" ");
const same = (versions: Version[], name: string) => new Set(versions.map((version) => version.metrics[name])).size <= 1;

// The metrics of one beside those of what is live, before it takes its place.
function Promoted({ version, live, gate, pin }: { version: Numbered; live: Numbered | undefined; gate: string; pin: Live["pin"] }) {
  const names = Object.keys(version.metrics).sort().slice(0, 12);
  return (
    <>
      <p>{live ? <>Now live is <strong>version {live.number}</strong>, of the data of {live.data_date}.</> : "Nothing is live now."} Applications and predictions that begin from now on use <strong>version {version.number}</strong>, of the data of {version.data_date}.</p>
      {pin ? <p class="verdict failed">What is live is pinned by {pin.by}: {pin.why}. This ends that.</p> : null}
      {version.gate?.passed === false ? <p class="verdict failed">✕ The gate refused it: {version.gate.why}</p> : null}
      {names.length > 0 ? (
        <table class="compare" aria-label="Both in numbers"><thead><tr><th scope="col">Metric</th><th scope="col" class="right">live now</th><th scope="col" class="right">version {version.number}</th></tr></thead>
          <tbody>{names.map((name) => <tr key={name}><th scope="row">{name}</th><td class="right">{live && name in live.metrics ? numberOf(live.metrics[name] ?? 0) : ""}</td><td class="right"><Delta name={name} gate={gate} from={live?.metrics[name]} to={version.metrics[name]} value /></td></tr>)}</tbody></table>
      ) : null}
    </>
  );
}

// How much more or less, and whether that is better: by colour and in words.
function Delta({ name, gate, from, to, value }: { name: string; gate: string; from: number | undefined; to: number | undefined; value?: boolean }) {
  const shown = value && to !== undefined ? `${numberOf(to)} ` : "";
  if (from === undefined || to === undefined || from === to) return <>{shown}{from === to && from !== undefined && !value ? "same" : ""}</>;
  const less = lessIsBetter(name, gate), better = less === null ? null : less === to < from;
  const by = to - from;
  return <>{shown}<span class={better === null ? "quiet" : better ? "better" : "worse"}>{by > 0 ? "+" : "−"}{numberOf(Math.abs(by))}{better === null ? "" : better ? " better" : " worse"}</span></>;
}

const short = (text: string | null) => (text ? text.slice(0, 12) + (text.endsWith("-dirty") ? ", with changes" : "") : "");

function Compare({ service, pair, gate }: { service: string; pair: [Numbered, Numbered]; gate: string }) {
  const [a, b] = pair;
  const { value, error } = useLive(() => Promise.all(pair.map((each) => get<Whole>(path("services", service, "versions", each.version)))), "the clock alone", pair.map((each) => each.key).join(" "));
  const names = [...new Set([...Object.keys(a.metrics), ...Object.keys(b.metrics)])].sort();
  const [one, two] = value ?? [];
  const facts: [string, string, string][] = one && two ? [
    ["config", short(one.config_sha256), short(two.config_sha256)], ["source commit", short(one.source_commit), short(two.source_commit)], ["folder commit", short(one.folder_commit), short(two.folder_commit)],
    ["image", one.image ?? "", two.image ?? ""], ["Python", one.environment?.python ?? "", two.environment?.python ?? ""], ["data date", one.data_date, two.data_date], ["began with", one.input ?? "", two.input ?? ""],
  ] : [];
  const packages = one && two ? [...new Set([...Object.keys(one.packages), ...Object.keys(two.packages)])].sort().filter((name) => one.packages[name] !== two.packages[name]) : [];
  const files = one && two ? [...new Set([...one.contents, ...two.contents].map((file) => file.path))].sort().map((name) => [name, one.contents.find((file) => file.path === name), two.contents.find((file) => file.path === name)] as const)
    .filter(([, left, right]) => left?.sha256 !== right?.sha256) : [];
  const differs = facts.filter(([, left, right]) => left !== right);
  const alike = facts.filter(([, left, right]) => left === right && left).map(([name]) => name);
  const heads = <tr><th scope="col">What</th><th scope="col">version {a.number}</th><th scope="col">version {b.number}</th><th scope="col">from {a.number} to {b.number}</th></tr>;
  return (
    <Section title={`Version ${a.number} and version ${b.number}`} card id="compare">
      <Problem message={error} />
      <div class="scroll" tabIndex={0} role="region" aria-label="Both versions">
        <table class="compare" aria-label="Both versions">
          <thead>{heads}</thead>
          <tbody>
            {names.map((name) => <tr key={name}><th scope="row">{name}</th><td>{name in a.metrics ? numberOf(a.metrics[name] ?? 0) : ""}</td><td>{name in b.metrics ? numberOf(b.metrics[name] ?? 0) : ""}</td><td><Delta name={name} gate={gate} from={a.metrics[name]} to={b.metrics[name]} /></td></tr>)}
            {differs.map(([name, left, right]) => <tr key={`fact ${name}`}><th scope="row">{name}</th><td><code>{left || "none"}</code></td><td><code>{right || "none"}</code></td><td>differs</td></tr>)}
            {packages.slice(0, 100).map((name) => <tr key={`package ${name}`}><th scope="row">package {name}</th><td><code>{one?.packages[name] ?? "none"}</code></td><td><code>{two?.packages[name] ?? "none"}</code></td><td>differs</td></tr>)}
            {files.slice(0, 100).map(([name, left, right]) => <tr key={`file ${name}`}><th scope="row">file {name}</th><td>{left ? bytes(left.bytes) : "none"}</td><td>{right ? bytes(right.bytes) : "none"}</td><td>differs</td></tr>)}
          </tbody>
        </table>
      </div>
      {value ? <p class="quiet small">{alike.length > 0 ? `The same in both: ${alike.join(", ")}.` : "None of config, commits, image and Python is known to be the same."}</p> : null}
    </Section>
  );
}

// Who made it live: a person, or a run ("run 20261201-130338-f4cjay").
function By({ who }: { who: string }) {
  const run = /^run ([0-9a-z-]+)$/.exec(who)?.[1];
  return run ? <a href={`#/runs/${run}`}>{who}</a> : <>{who}</>;
}

function Versions({ service, answer, reload, now, place }: { service: string; answer: Answer; reload: () => void; now: number; place: Place }) {
  const versions: Numbered[] = answer.versions.map((version, i) => ({ ...version, number: i + 1 }));
  const { live } = answer, gate = gateText(answer);
  const names = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].sort();
  const asked = place.query.get("metric");
  const metric = asked && names.includes(asked) ? asked : leading(names, gate);
  const liveOne = versions.find((version) => version.live);
  const picked = (place.query.get("with") ?? "").split(",").map((each) => versions.find((version) => version.version === each)).filter((each): each is Numbered => each !== undefined);
  const pick = (version: Numbered) => {
    const without = picked.filter((each) => each.key !== version.key);
    const next = without.length < picked.length ? without : [...picked, version].slice(-2);
    ask(place, { with: next.map((each) => each.version).join(",") });
  };
  const shownVersion = place.query.get("version");
  const change = (verb: string, body: unknown) => async () => {
    await post(path("services", service, verb), body);
    reload();
  };
  const waiting = versions.find((version) => version.waits);
  const promote = (version: Numbered, why: string) => change("promote", { version: version.key, ...(why ? { why } : {}), ...(live?.pin ? { unpin: true } : {}) })();
  const charted = metric ? versions.filter((version) => metric in version.metrics).sort((a, b) => a.data_date.localeCompare(b.data_date) || a.number - b.number) : [];
  // uPlot wants instants that grow: versions of one data date stand side by side.
  let before = 0;
  const points: Point[] = charted.map((version) => {
    const at = Math.max(Date.parse(`${version.data_date.slice(0, 10)}T00:00:00Z`) / 1000 || 0, before + 3600);
    before = at;
    return { at, value: version.metrics[metric ?? ""] ?? 0, refused: version.gate?.passed === false, live: version.live, label: `version ${version.number}, data of ${version.data_date}` };
  });
  const bounds = charted.map((version) => boundOf(version.gate?.why ?? "", metric ?? ""));
  // What tells versions apart, the chosen one first; four at most, or the table fits nothing.
  const columns = [...(metric ? [metric] : []), ...names.filter((name) => name !== metric && !same(versions, name))].slice(0, 4);
  const constant = names.filter((name) => !columns.includes(name) && same(versions, name) && versions.length > 1);
  const hidden = names.length - columns.length - constant.length;
  const pin = live && live.pin === null ? (
    <Doing plain label="Pin" title="Keep this version live" why="Why (for all who wonder)" confirm={`Version ${liveOne?.number ?? live.version} stays live until somebody unpins it: gates go on judging, and move nothing.`} what={(why) => change("pin", { version: live.key, why })()} />
  ) : null;
  return (
    <>
      {live && liveOne ? (
        <div class="row">
          <span class="pill">live</span> <strong>version {liveOne.number}</strong> <span class="quiet">{live.version}, data of {liveOne.data_date}</span>
          <span>made live <When at={live.at} now={now} /> by <By who={live.by} />: {live.why}</span>
          {live.can_roll_back ? <Doing plain label="Roll back" title="Roll back" confirm={<p>Now live is <strong>version {liveOne.number}</strong>, {live.version}. What was live before it takes its place, for all that begins from now on.</p>} what={change("rollback", live.pin ? { unpin: true } : {})} /> : null}
          {pin}
        </div>
      ) : live ? (
        <div class="row"><span class="pill">live</span> <strong>{live.version}</strong> since <When at={live.at} now={now} /> by <By who={live.by} />: {live.why}
          {live.can_roll_back ? <Doing plain label="Roll back" confirm="Make live again what was live before?" what={change("rollback", live.pin ? { unpin: true } : {})} /> : null}
          {pin}</div>
      ) : (
        <p>Nothing is live yet: promote a version, or let <code>promote_when</code> decide.</p>
      )}
      {answer.online?.behind ? <div class="verdict failed"><strong>Behind the pointer.</strong> <Behind online={answer.online} now={now} /></div> : null}
      {answer.online && !answer.online.behind && answer.online.version ? <p class="quiet">Predictions are answered from {versions.find((version) => version.version === answer.online?.version) ? <>version {versions.find((version) => version.version === answer.online?.version)?.number}</> : answer.online.version}.</p> : null}
      {live?.check ? <p class="quiet">{/^not served online/.test(live.check) ? `N${live.check.slice(1)}` : `Checked before it went live: ${live.check}`}.</p> : null}
      {live && live.pin ? (
        <div class="row"><span class="pill cancelled">pinned</span> <span>by {live.pin.by}, <When at={live.pin.at} now={now} />: {live.pin.why}. No gate moves it.</span>
          <Doing plain label="Unpin" title="Unpin" confirm="Gates may move the live version again, from the next training on." what={change("unpin", {})} /></div>
      ) : null}
      {waiting ? (
        <div class="row card"><span class="pill cancelled">waits for approval</span> <strong>version {waiting.number}</strong> <span>{answer.waits?.why}</span>
          <Doing label="Approve" title={`Make version ${waiting.number} live`} why="Why (for the record)" confirm={<Promoted version={waiting} live={liveOne} gate={gate} pin={live?.pin} />} what={(why) => promote(waiting, why)} /></div>
      ) : null}
      {metric ? (
        <div class="card chartcard">
          <div class="row">
            <label>Metric <select value={metric} onChange={(event) => ask(place, { metric: event.currentTarget.value })}>{names.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
            <span class="quiet">over data dates; {lessIsBetter(metric, gate) === null ? "" : lessIsBetter(metric, gate) ? "less is better" : "more is better"}</span>
            {gate ? <span class="quiet">gate: <code>{gate}</code></span> : null}
            <ul class="legend"><li>● let pass</li><li>○ refused</li>{bounds.some((bound) => bound !== null) ? <li>- - what the gate asked for</li> : null}</ul>
          </div>
          <Chart points={points} name={metric} bound={bounds} choose={(at) => { const version = charted[at]; if (version) pick(version); }} />
        </div>
      ) : null}
      <div class="card"><Table label="Versions" rows={[...versions].reverse()} keyOf={(version) => version.key} empty="No version yet." rowClass={(version) => (picked.includes(version) || version.version === shownVersion ? "picked" : "")} columns={[
        { name: "Version", kind: "head", cell: (version) => <><a href={`#/runs/${version.run}`} title={version.version}>{version.number}</a>{version.live ? <span class="badge">live</span> : null}{version.gate?.passed === false ? <span class="refusal">refused</span> : null}{version.waits ? <span class="refusal waits">waits</span> : null}</> },
        { name: "Data date", cell: (version) => version.data_date },
        ...columns.map((name): Column<Numbered> => ({
          name, kind: "right", cell: (version) => (version.metrics[name] === undefined ? "" : numberOf(version.metrics[name] ?? 0)),
        })),
        { name: "Gate", kind: "wide", cell: (version) => (version.gate ? version.gate.why : "") },
        { name: "Made", cell: (version) => <When at={version.saved_at} now={now} /> },
        { name: "Size", kind: "right", cell: (version) => bytes(version.bytes) },
        { name: doHead, kind: "buttons", cell: (version) => <>
          <button type="button" class="plain" aria-pressed={picked.includes(version)} aria-label={`Compare version ${version.number}`} onClick={() => pick(version)}>Compare</button>
          {version.live ? null : <Doing plain label="Promote" described={`Promote version ${version.number}`} title={`Make version ${version.number} live`} why="Why (for the record)"
            confirm={<Promoted version={version} live={liveOne} gate={gate} pin={live?.pin} />} what={(why) => promote(version, why)} />}
        </> },
      ]} /></div>
      {constant.length + hidden > 0 ? <p class="quiet small">{constant.length > 0 ? `The same in all: ${constant.slice(0, 8).map((name) => `${name} ${numberOf(versions[0]?.metrics[name] ?? 0)}`).join(", ")}${constant.length > 8 ? " and more" : ""}. ` : ""}{hidden > 0 ? `${hidden} more ${hidden === 1 ? "metric is" : "metrics are"} in the chart's list, and in a comparison.` : ""}</p> : null}
      {picked.length === 1 ? <p>Choose another version to compare version {picked[0]?.number} with.</p> : null}
      {picked.length === 2 ? <Compare service={service} pair={[...picked].sort((a, b) => a.number - b.number) as [Numbered, Numbered]} gate={gate} /> : null}
    </>
  );
}

// What the service does and when, each with its own page.
function Actions({ service, now }: { service: string; now: number }) {
  const { value, error } = useLive(() => get<{ graphs: Graph[] }>(path("graphs") + query({ service, runs: 14, limit: 200 })), "", `graphs ${service}`);
  if (!value) return <Problem message={error} />;
  return (
    <>
      <Problem message={error} />
      <Table label="Actions" rows={value.graphs.filter((graph) => graph.service === service)} keyOf={(graph) => graph.graph}
        empty="Its busker.toml has no action; give it one, such as [actions.training]." columns={[
          { name: "Action", kind: "head", cell: (graph) => <a href={`#/graphs/${inPath(graph.graph)}`}>{graph.graph}</a> },
          { name: "Newest runs", cell: (graph) => <Bars runs={graph.recent ?? []} now={now} of={graph.graph} /> },
          { name: "Last run", cell: (graph) => graph.last_run ? <a href={`#/runs/${graph.last_run.id}`} title={graphOf(graph.last_run)}><StateMark state={graph.last_run.state} /> for {graph.last_run.data_date}</a> : <span class="quiet">never ran</span> },
          { name: "Schedule", cell: (graph) => graph.schedule ? <><code>{graph.schedule}</code> <span class="quiet">{graph.time_zone}</span></> : <span class="quiet">{graph.after.length > 0 ? `after ${graph.after.join(", ")}` : "by hand"}</span> },
          { name: "Next", cell: (graph) => (graph.paused ? `paused by ${graph.paused_by}` : graph.next ? <span title={stamp(graph.next, graph.time_zone)}><When at={graph.next} now={now} zone={graph.time_zone} /></span> : "") },
        ]} />
    </>
  );
}

function Tables({ service, now }: { service: string; now: number }) {
  const { value, error } = useLive(() => get<{ deliveries: Delivery[] }>(path("services", service, "deliveries")), "", `deliveries ${service}`, 3000);
  if (!value) return <Problem message={error} />;
  const tables = [...new Set(value.deliveries.map((delivery) => delivery.table))];
  const newest = (table: string) => value.deliveries.find((delivery) => delivery.table === table && !delivery.undone_at) ?? value.deliveries.find((delivery) => delivery.table === table);
  return (
    <Table label="Tables" rows={tables} keyOf={(table) => table} empty="Nothing was delivered yet; a run of the application does it." columns={[
      { name: "Table", kind: "head", cell: (table) => <a href={`#/tables/${service}/${table}`}>{table}</a> },
      { name: "Newest data date", cell: (table) => newest(table)?.data_date },
      { name: "Rows", kind: "right", cell: (table) => newest(table)?.rows.toLocaleString() },
      { name: "Delivered", cell: (table) => <When at={newest(table)?.delivered_at ?? null} now={now} /> },
      { name: "Deliveries", kind: "right", cell: (table) => value.deliveries.filter((delivery) => delivery.table === table).length },
    ]} />
  );
}

export function ServicePage({ service, place }: { service: string; place: Place }) {
  const now = useNow(1000);
  const { value, error, reload } = useLive(() => get<Answer>(path("services", service, "versions")), "", service, 2000);
  useUntilSettled(!value?.online || value.online.version === value.online.wanted, reload);
  return (
    <>
      <Crumbs to={[]} />
      <Section main title={service}>
        <Problem message={error} />
        {value?.unreadable.map((sentence) => <Problem key={sentence} message={sentence} />)}
        {value && value.versions.length === 0 ? <Empty>No version yet; a run of the training makes one.</Empty> : null}
        {value && value.versions.length > 0 ? <Versions service={service} answer={value} reload={reload} now={now} place={place} /> : null}
      </Section>
      {value?.online ? <Try key={service} service={service} version={value.online.version} /> : null}
      <Section title="Actions" card><Actions service={service} now={now} /></Section>
      <Section title="Tables" card><Tables service={service} now={now} /></Section>
    </>
  );
}
