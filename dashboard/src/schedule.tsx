// All that is scheduled: a month, and one day of it as a list; what the clocks do to it.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, graphOf, inPath, path, query, type Instants, type RunHead, type Scheduled } from "./api";
import { useLive, useNow } from "./live";
import { pace } from "./next";
import { Empty, Problem, Section, StateMark, Table } from "./parts";
import { plural } from "./plural";
import { browserZone, fromNow, inZone, useZones, wall, zoneFor } from "./time";

const dayMilliseconds = 86_400_000;
const shownInDay = 3;  // schedules in a cell of the month

// Days are texts, "2026-03-29"; their arithmetic knows no zone.
const instantOf = (day: string) => Date.parse(`${day}T00:00:00Z`);
const plusDays = (day: string, count: number) => new Date(instantOf(day) + count * dayMilliseconds).toISOString().slice(0, 10);
const plusMonths = (month: string, count: number) => {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7);
};
const said = (day: string, how: Intl.DateTimeFormatOptions) => new Date(instantOf(day)).toLocaleDateString(undefined, { ...how, timeZone: "UTC" });
const longDay = (day: string) => said(day, { weekday: "long", year: "numeric", month: "long", day: "numeric" });

// The six weeks, from a Monday on, that show a month.
function daysOf(month: string): string[] {
  const first = `${month}-01`;
  const weekday = (new Date(instantOf(first)).getUTCDay() + 6) % 7;
  return Array.from({ length: 42 }, (_, i) => plusDays(first, i - weekday));
}

// What one schedule has on one day.
interface Entry {
  graph: string;
  paused: boolean;
  at: string;        // the first instant
  clock: string;
  count: number;
  every: number | null;
  notes: string[];
}

// What runs all day is less news than what runs once.
const allDay = (entry: Entry) => entry.every !== null && entry.every < 720;
const rank = (entry: Entry) => (entry.notes.length > 0 ? 0 : allDay(entry) ? 2 : 1);

// By day: what the clocks touch, then the others in the order of the clock.
function entriesOf(graphs: Scheduled[], zone: string): Map<string, Entry[]> {
  const days = new Map<string, Map<string, Entry>>();
  const add = (graph: Scheduled, instant: string, count: number, note: string) => {
    const { date, clock } = inZone(instant, zone);
    const day = days.get(date) ?? new Map<string, Entry>();
    days.set(date, day);
    const entry = day.get(graph.graph) ?? { graph: graph.graph, paused: graph.paused, at: instant, clock, count: 0, every: graph.every_minutes, notes: [] };
    day.set(graph.graph, entry);
    entry.count += count;
    if (note && !entry.notes.includes(note)) entry.notes.push(note);
  };
  for (const graph of graphs) {
    for (const one of graph.instants) add(graph, one.utc, 1, one.note);
    for (const day of graph.days) add(graph, day.first, day.count, "");
    for (const one of graph.lost) add(graph, one.at, 0, one.note);
  }
  return new Map([...days].map(([date, entries]) => [date, [...entries.values()].sort((a, b) => rank(a) - rank(b) || Date.parse(a.at) - Date.parse(b.at))]));
}

function words(entry: Entry): string {
  if (entry.count === 0) return `skipped ${entry.graph}`;
  if (entry.count === 1) return `${entry.clock} ${entry.graph}`;
  return allDay(entry) ? `${entry.graph} ${pace(entry.every ?? 0)}` : `${entry.clock} ${entry.graph}, ${entry.count} times`;
}

const changesOn = (answer: Instants, day: string) => answer.changes.filter((change) => change.date === day);

function Day(props: { day: string; answer: Instants | null; entries: Entry[]; other: boolean; past: boolean; today: boolean; chosen: boolean; stop: boolean }) {
  const { day, answer, entries } = props;
  const total = answer?.days.find((each) => each.date === day);
  const changes = answer ? changesOn(answer, day) : [];
  const odd = entries.some((entry) => entry.notes.length > 0);
  const failed = total?.failed ?? 0;
  const shown = entries.slice(0, shownInDay);
  const more = Math.max(total?.graphs ?? 0, entries.length) - shown.length;
  const label = [
    longDay(day), props.today ? "today" : "",
    !total ? "" : total.count > 0 ? `${plural(total.count, "run")} of ${plural(total.graphs, "schedule")}` : "nothing is scheduled",
    failed > 0 ? `${failed.toLocaleString()} failed` : "",
    ...changes.map((change) => `${change.time_zone}: ${change.what}`),
    odd ? "the change of the clocks moves, repeats or skips some" : "",
  ].filter(Boolean).join("; ");
  return (
    <td role="gridcell" class={`${props.other ? "other" : ""} ${props.past ? "past" : ""} ${props.today ? "today" : ""} ${failed > 0 ? "wrong" : ""} ${props.chosen ? "chosen" : ""}`} aria-selected={props.chosen}>
      <a href={`#/schedule/${day}`} data-day={day} tabIndex={props.stop ? 0 : -1} aria-current={props.today ? "date" : undefined}>
        <span class="hidden">{label}</span>
        <span aria-hidden="true">
          <span class="date">{Number(day.slice(8))}</span>
          {failed > 0 ? <span class="failures" title={`${failed.toLocaleString()} of its runs failed`}>✕ {failed.toLocaleString()}<span class="long"> failed</span></span> : null}
          {changes.length > 0 ? <span class="clocks" title={changes.map((change) => `${change.time_zone}: ${change.what}`).join("\n")}><span class="long">clocks </span>{changes[0]?.what.includes("forward") ? "forward" : "back"}</span> : null}
          <span class="entries">
            {shown.map((entry) => (
              <span key={entry.graph} class={`${entry.notes.length ? "odd" : ""} ${entry.paused ? "paused" : ""}`} title={[words(entry), entry.paused ? "paused" : "", ...entry.notes].filter(Boolean).join("\n")}>
                {words(entry)}
              </span>
            ))}
            {more > 0 ? <span class="quiet">and {more.toLocaleString()} more</span> : null}
          </span>
          <span class={`few ${odd ? "odd" : ""}`}>{total && total.graphs > 0 ? total.graphs.toLocaleString() : ""}</span>
        </span>
      </a>
    </td>
  );
}

// Arrows go from day to day, page up and down from month to month, as in other calendars.
function moved(key: string, day: string): string | null {
  const inMonth = (month: string) => {
    const last = plusDays(`${plusMonths(month, 1)}-01`, -1);
    return `${month}-${day.slice(8)}` > last ? last : `${month}-${day.slice(8)}`;
  };
  switch (key) {
    case "ArrowLeft": return plusDays(day, -1);
    case "ArrowRight": return plusDays(day, 1);
    case "ArrowUp": return plusDays(day, -7);
    case "ArrowDown": return plusDays(day, 7);
    case "PageUp": return inMonth(plusMonths(day.slice(0, 7), -1));
    case "PageDown": return inMonth(plusMonths(day.slice(0, 7), 1));
    case "Home": return `${day.slice(0, 7)}-01`;
    case "End": return plusDays(`${plusMonths(day.slice(0, 7), 1)}-01`, -1);
    default: return null;
  }
}

// It stays while the answer for another month is on its way (`answer` is null), and the focus with it.
function Month({ month, day, today, zone, answer }: { month: string; day: string; today: string; zone: string; answer: Instants | null }) {
  const table = useRef<HTMLTableElement>(null);
  const follow = useRef("");  // the day that keys went to: the focus goes there, too, once it is shown
  const days = daysOf(month);
  const entries = entriesOf(answer?.graphs ?? [], zone);
  useEffect(() => {
    if (follow.current !== day) return;
    follow.current = "";
    table.current?.querySelector<HTMLElement>(`[data-day="${day}"]`)?.focus();
  });
  const press = (event: KeyboardEvent) => {
    const next = event.altKey || event.ctrlKey || event.metaKey ? null : moved(event.key, day);
    if (next === null) return;
    event.preventDefault();
    follow.current = next;
    window.location.replace(`#/schedule/${next}`);
  };
  return (
    <table class="calendar" role="grid" aria-busy={answer === null} aria-label={`${said(`${month}-01`, { month: "long", year: "numeric" })}, days of ${zone}`} ref={table} onKeyDown={press}>
      <thead>
        <tr>{days.slice(0, 7).map((each) => <th key={each} scope="col"><abbr title={said(each, { weekday: "long" })}>{said(each, { weekday: "short" })}</abbr></th>)}</tr>
      </thead>
      <tbody>
        {[0, 7, 14, 21, 28, 35].map((begin) => (
          <tr key={begin}>
            {days.slice(begin, begin + 7).map((each) => (
              <Day key={each} day={each} answer={answer} entries={entries.get(each) ?? []} other={!each.startsWith(month)} past={each < today} today={each === today} chosen={each === day} stop={each === day} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Line {
  key: string;
  at: string;
  when: string;  // in the zone that is shown
  graph: string;
  schedule: string;
  local: string;
  date: string;
  paused: boolean;
  note: string;
}

const nowLine = "now";  // the key of the line between what is past and what comes

function linesOf(graphs: Scheduled[], zone: string): Line[] {
  const lines = graphs.flatMap((graph) => {
    const line = (at: string, more: Partial<Line>): Line => ({
      key: `${graph.graph} ${at} ${more.note ?? ""}`, at, when: inZone(at, zone).clock, graph: graph.graph, schedule: `${graph.schedule} ${graph.time_zone}`,
      local: "", date: "", paused: graph.paused, note: "", ...more,
    });
    return [
      ...graph.instants.map((one) => line(one.utc, { local: wall(one.local), date: one.data_date, note: one.note })),
      ...graph.days.map((day) => line(day.first, { when: `${inZone(day.first, zone).clock} to ${inZone(day.last, zone).clock}`,
        note: `${graph.every_minutes ? `${pace(graph.every_minutes)}, ` : ""}${day.count.toLocaleString()} times` })),
      ...graph.lost.map((one) => line(one.at, { when: "skipped", note: one.note })),
    ];
  });
  return lines.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || a.graph.localeCompare(b.graph));
}

// "2026-10-25 02:30", as `wall` begins.
const shownAt = (line: Line, zone: string) => {
  const { date, clock } = inZone(line.at, zone);
  return `${date} ${clock}`;
};

// Of the day that it is, where it is: what is above has been, what is below comes.
function withNow(lines: Line[], zone: string, from: string | undefined, to: string | undefined, now: number): Line[] {
  if (lines.length === 0 || !from || !to || now < Date.parse(from) || now >= Date.parse(to)) return lines;
  const at = new Date(now).toISOString();
  const line: Line = { key: nowLine, at, when: inZone(at, zone).clock, graph: "", schedule: "", local: "", date: "", paused: false, note: "" };
  return [...lines.filter((each) => Date.parse(each.at) <= now), line, ...lines.filter((each) => Date.parse(each.at) > now)];
}

function Agenda({ day, month, graph, now }: { day: string; month: Instants; graph: string; now: number }) {
  const [more, setMore] = useState<Scheduled[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [fault, setFault] = useState("");
  const place = month.days.findIndex((each) => each.date === day);
  const from = month.days[place]?.begins, to = month.days[place + 1]?.begins;
  const asked = { from, to, zone: month.zone, graph };
  const { value, error } = useLive(async () => {
    const answer = await get<Instants>(path("instants") + query(asked));
    setMore([]);
    setNext(answer.next);
    return answer;
  }, "the clock alone", `${from} ${to} ${month.zone} ${graph}`);
  const goOn = async () => {
    try {
      const answer = await get<Instants>(path("instants") + query({ ...asked, cursor: next, limit: 500 }));
      setMore((before) => [...before, ...answer.graphs]);
      setNext(answer.next);
      setFault("");
    } catch (trouble) {
      setFault((trouble as Error).message);
    }
  };
  const scheduled = value ? linesOf([...value.graphs, ...more], value.zone) : [];
  const lines = value ? withNow(scheduled, value.zone, from, to, now) : [];
  // What came of those that are past, by their data dates: at most three of one day.
  const dates = [...new Set(lines.filter((line) => line.date && Date.parse(line.at) < now).map((line) => line.date))].slice(0, 3);
  const ran = useLive(() => Promise.all(dates.map((date) => get<{ runs: RunHead[]; next: string | null }>(path("runs") + query({ date, limit: 200 })).then((answer) => ({ ...answer, date })))),
    "", `ran ${dates.join(" ")}`, 5000);
  const isPast = (line: Line) => line.key !== nowLine && Date.parse(line.at) < now;
  const outcome = (line: Line) => ran.value?.find(({ date }) => date === line.date)?.runs.find((run) => graphOf(run) === line.graph); // the newest
  // Of more runs than were asked for, one may be among the rest.
  const neverRan = (line: Line) => isPast(line) && !line.paused && ran.value?.some(({ date, next }) => date === line.date && next === null) === true && !outcome(line);
  if (!value) return <Section title={longDay(day)}><Problem message={error} /></Section>;
  const total = value.days.find((each) => each.date === day);
  return (
    <Section title={longDay(day)}>
      <Problem message={error || fault} />
      {changesOn(value, day).map((change) => <p key={change.at + change.time_zone} class="odd">{change.time_zone}: {change.what} at {change.at}</p>)}
      {total && total.count > 0 ? <p class="quiet">{plural(total.count, "run")} of {plural(total.graphs, "schedule")}</p> : null}
      <Table label={`What is scheduled on ${longDay(day)}`} rows={lines} keyOf={(line) => line.key} rowClass={(line) => (line.key === nowLine ? "now" : "")}
        empty={<>Nothing is scheduled on this day. An action runs by itself when its part of <code>busker.toml</code> has a <code>schedule</code>.</>}
        columns={[
          { name: "When", kind: "head", cell: (line) => line.when, title: (line) => `${line.at}, ${fromNow(line.at, now)}` },
          { name: "What", cell: (line) => line.key === nowLine ? <strong>now</strong> : <><a href={`#/graphs/${inPath(line.graph)}`}>{line.graph}</a>{line.paused ? <span class="quiet"> (paused)</span> : null}</>, title: (line) => line.schedule },
          ...(lines.some((line) => isPast(line) && (outcome(line) || neverRan(line))) ? [{ name: "What came of it", cell: (line: Line) => {
            const run = outcome(line);
            return run && isPast(line) ? <a href={`#/runs/${run.id}`}><StateMark state={run.state} /></a> : neverRan(line) ? <span class="quiet">no run</span> : null;
          } }] : []),
          ...(lines.some((line) => line.note) ? [{ name: "Note", kind: "wide" as const, cell: (line: Line) => (line.note ? <span class={line.note.startsWith("clocks") ? "odd" : "quiet"}>{line.note}</span> : null) }] : []),
          ...(lines.some((line) => line.local && !line.local.startsWith(shownAt(line, month.zone))) ? [{ name: "In its own zone", cell: (line: Line) => line.local }] : []),
          { name: "Data date", cell: (line) => line.date },
        ]} />
      {next ? <p><button type="button" class="plain" onClick={() => void goOn()}>Show more of the {plural(total?.graphs ?? 0, "schedule")}</button></p> : null}
    </Section>
  );
}

export function SchedulePage({ when }: { when: string }) {
  const now = useNow(30_000);
  useZones();
  const [chosen, setZone] = useState(""); // on this page; else it is as for all pages
  const zone = chosen || zoneFor();
  const [graph, setGraph] = useState("");
  const today = inZone(new Date(now).toISOString(), zone).date;
  const valid = /^\d{4}-\d{2}(-\d{2})?$/.test(when) && !Number.isNaN(instantOf(when.length === 7 ? `${when}-01` : when));
  const asked = valid ? when : today;
  const month = asked.slice(0, 7);
  const day = asked.length === 10 ? asked : month === today.slice(0, 7) ? today : `${month}-01`;
  const days = daysOf(month);
  // Wide enough for the days of any zone; the server tells where they begin.
  const from = new Date(instantOf(days[0] ?? day) - 14 * 3_600_000).toISOString();
  const to = new Date(instantOf(days[41] ?? day) + 38 * 3_600_000).toISOString();
  const { value, error } = useLive(() => get<Instants>(path("instants") + query({ from, to, zone, graph })), "the clock alone", `${month} ${zone} ${graph}`);
  const answer = value?.zone === zone && value.days.some((each) => each.date === days[0]) ? value : null;
  const zones = [...new Set([browserZone, "UTC", zone, ...(value?.graphs.map((each) => each.time_zone) ?? [])])];
  return (
    <>
      <Section main title="Schedule">
        <nav class="months" aria-label="Months">
          <a class="button" href={`#/schedule/${plusMonths(month, -1)}`} aria-label="The month before">‹</a>
          <strong aria-live="polite">{said(`${month}-01`, { month: "long", year: "numeric" })}</strong>
          <a class="button" href={`#/schedule/${plusMonths(month, 1)}`} aria-label="The month after">›</a>
          <a class="button" href="#/schedule">Today</a>
          <label>Time zone <select value={zone} onChange={(event) => setZone(event.currentTarget.value)}>{zones.map((each) => <option key={each}>{each}</option>)}</select></label>
          <label>Only <input type="search" list="graphs" placeholder="all schedules" value={graph} onChange={(event) => setGraph(event.currentTarget.value.trim())} /></label>
          <datalist id="graphs">{value?.graphs.map((each) => <option key={each.graph} value={each.graph} />)}</datalist>
        </nav>
        {when && !valid ? <Problem message={`"${when}" is not a month or day, such as 2026-03 or 2026-03-29. This month is shown instead.`} /> : null}
        <Problem message={error} />
        {value?.next ? <p class="quiet">The first {value.graphs.length} schedules are named; the numbers are those of all.</p> : null}
        <Month month={month} day={day} today={today} zone={zone} answer={answer} />
        {answer && answer.graphs.length === 0 ? <Empty>Nothing is scheduled in these weeks. An action runs by itself when its part of <code>busker.toml</code> has a <code>schedule</code>, a graph file when it has a <code>schedule_interval</code>.</Empty> : null}
      </Section>
      {answer ? <Agenda key={`${day} ${zone} ${graph}`} day={day} month={answer} graph={graph} now={now} /> : null}
    </>
  );
}
