// The coming instants of one action or graph file, with what the clocks do to them.
import { get, path, query, type Instants } from "./api";
import { useLive } from "./live";
import { Problem, Table, When } from "./parts";
import { fromNow, inZone, stamp, useZones, wall, zoneFor } from "./time";

const days = 62;  // as far as one answer goes
const shown = 8;

export const pace = (minutes: number) =>
  minutes === 1 ? "each minute" : minutes === 60 ? "each hour" : minutes % 60 === 0 ? `every ${minutes / 60} hours` : `every ${minutes} minutes`;

interface Row {
  utc: string;
  last: string; // of a day with many
  local: string;
  data_date: string;
  note: string;
}

// What is listed; of what runs too often for that, the days.
function rowsOf(answer: Instants): Row[] {
  const graph = answer.graphs[0];
  if (!graph) return [];
  const lost = graph.lost.map((one) => ({ utc: one.at, last: "", local: "", data_date: "", note: one.note }));
  const days = graph.days.map((day) => ({ utc: day.first, last: day.last, local: "", data_date: "", note: `${day.count.toLocaleString()} ${day.count === 1 ? "run" : "runs"}` }));
  return [...graph.instants.map((one) => ({ ...one, last: "" })), ...days, ...lost].sort((a, b) => Date.parse(a.utc) - Date.parse(b.utc)).slice(0, shown);
}

// "2026-12-01 00:00 to 23:00 CET"
function span(first: string, last: string, zone?: string): string {
  const { date, clock } = inZone(first, zoneFor(zone)), named = stamp(last, zone);
  return `${date} ${clock} to ${named.startsWith(`${date} `) ? named.slice(date.length + 1) : named}`;
}

export function NextInstants({ graph, next, now, zone }: { graph: string; next: string | null; now: number; zone: string }) {
  useZones();
  const load = () => {
    const from = new Date(Math.floor(Date.now() / 1000) * 1000);
    return get<Instants>(path("instants") + query({ graph, from: from.toISOString(), to: new Date(from.getTime() + days * 86_400_000).toISOString(), zone: zoneFor(zone) }));
  };
  const { value, error } = useLive(load, "the clock alone", `${graph} ${zoneFor(zone)}`);
  if (!value) return <Problem message={error} />;
  const known = value.graphs[0], rows = rowsOf(value), listed = rows.some((row) => row.local);
  return (
    <>
      <Problem message={error} />
      {known?.every_minutes && known.count > shown * 10 ? <p>It runs {pace(known.every_minutes)}.</p> : null}
      <Table label="Upcoming runs" rows={rows} keyOf={(row) => row.utc + row.note}
        empty={<>There is none within {days} days{next ? `; the next is at ${next}` : ", and none after: see its start and end"}. <a href="#/schedule">The schedule</a> shows all that comes.</>}
        columns={[
          { name: "When", kind: "head", cell: (row) => (row.last && row.last !== row.utc ? span(row.utc, row.last, known?.time_zone) : <When at={row.utc} now={now} zone={known?.time_zone} exact />) },
          ...(listed && known?.time_zone !== zoneFor(zone) ? [{ name: `In its own zone, ${known?.time_zone ?? "UTC"}`, cell: (row: Row) => (row.local ? wall(row.local) : "") }] : []),
          ...(listed ? [{ name: "Data date", cell: (row: Row) => row.data_date }] : []),
          { name: "From now", cell: (row) => fromNow(row.utc, now) },
          ...(rows.some((row) => row.note) ? [{ name: "Note", cell: (row: Row) => (row.note ? <span class={row.last ? "" : "odd"}>{row.note}</span> : null) }] : []),
        ]} />
    </>
  );
}
