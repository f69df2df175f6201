// Who did what, newest first; and, when asked for, all that followed from it.
import { useState } from "preact/hooks";
import { get, inPath, path, query, type Event } from "./api";
import { useNow } from "./live";
import { More, Problem, Section, Table, usePages, When } from "./parts";
import { fromNow } from "./time";

// A backfill asks for many runs at once: that is one thing that somebody did.
interface Deed extends Event {
  count: number;
  first: string | null; // run, of the earliest of them
}
function deedsOf(events: Event[]): Deed[] {
  const deeds: Deed[] = [];
  for (const event of events) {
    const last = deeds[deeds.length - 1];
    const isSame = last && event.run && last.actor === event.actor && last.what === event.what && last.graph === event.graph && last.detail === event.detail
      && Math.abs(Date.parse(last.at) - Date.parse(event.at)) < 60_000;
    if (isSame) {
      last.count += 1;
      last.first = event.run;
    } else deeds.push({ ...event, count: 1, first: event.run });
  }
  return deeds;
}

// What it is about: of a pause the record has that as the detail.
const of = (event: Event) => event.graph ?? (/^(paused|resumed)$/.test(event.what) ? event.detail : null);

export function AuditPage() {
  const now = useNow(1000);
  const [all, setAll] = useState(false);
  const pages = usePages<Event>((cursor) =>
    get<{ events: Event[]; next: string | null }>(path("events") + query({ limit: 100, all: String(all), cursor }))
      .then(({ events, next }) => ({ items: events, next })), String(all), true);
  return (
    <Section main title="Activity">
      <p>
        <label><input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> include automatic events</label>
      </p>
      <Problem message={pages.error} />
      {pages.items ? (
        <div class="card"><Table label="Who did what" rows={all ? pages.items.map((event): Deed => ({ ...event, count: 1, first: event.run })) : deedsOf(pages.items)} keyOf={(event) => String(event.number)}
          empty="Nobody has asked for anything yet. What is started, cancelled, paused, promoted or undone is noted here." columns={[
            { name: "When", cell: (event) => <><When at={event.at} now={now} exact /> <span class="quiet small">{fromNow(event.at, now)}</span></> },
            { name: "Who", cell: (event) => event.actor },
            { name: "What", kind: "head", cell: (event) => (event.count > 1 ? `${event.what}, ${event.count} times` : event.what) },
            { name: "Of", cell: (event) => { const graph = of(event); return graph ? <a href={`#/graphs/${inPath(graph)}`}>{graph}</a> : null; } },
            { name: "Run", cell: (event) => event.run
              ? <a href={`#/runs/${event.run}${event.task ? `/${event.task}` : ""}`}>{event.run}{event.task ? `, ${event.task}` : ""}</a> : null },
            { name: "Detail", kind: "wide", cell: (event) => (event.detail === of(event) ? "" : event.detail) },
          ]} /></div>
      ) : null}
      <More pages={pages} />
      <p class="quiet">Each event holds the hash of the one before it; <code>busker audit --verify</code> finds what was changed afterwards.</p>
    </Section>
  );
}
