// Who did what, newest first; and, when asked for, all that followed from it.
import { useState } from "preact/hooks";
import { get, inPath, path, query, type Event } from "./api";
import { useNow } from "./live";
import { More, Problem, Section, Table, usePages } from "./parts";
import { fromNow, local } from "./time";

export function AuditPage() {
  const now = useNow(1000);
  const [all, setAll] = useState(false);
  const pages = usePages<Event>((cursor) =>
    get<{ events: Event[]; next: string | null }>(path("events") + query({ limit: 100, all: String(all), cursor }))
      .then(({ events, next }) => ({ items: events, next })), String(all), true);
  return (
    <Section main title="Who did what">
      <p>
        <label><input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> also what followed by itself</label>
      </p>
      <Problem message={pages.error} />
      {pages.items ? (
        <Table label="Who did what" rows={pages.items} keyOf={(event) => String(event.number)}
          empty="Nobody has asked for anything yet. What is started, cancelled, paused, promoted or undone is noted here." columns={[
            { name: "When", cell: (event) => fromNow(event.at, now), title: (event) => local(event.at) },
            { name: "Who", cell: (event) => event.actor },
            { name: "What", kind: "head", cell: (event) => event.what },
            { name: "Of", cell: (event) => event.graph ? <a href={`#/graphs/${inPath(event.graph)}`}>{event.graph}</a> : null },
            { name: "Run", cell: (event) => event.run
              ? <a href={`#/runs/${event.run}${event.task ? `/${event.task}` : ""}`}>{event.run}{event.task ? `, ${event.task}` : ""}</a> : null },
            { name: "Detail", kind: "wide", cell: (event) => event.detail },
          ]} />
      ) : null}
      <More pages={pages} />
      <p class="quiet">Each event holds the hash of the one before it; <code>busker audit --verify</code> finds what was changed afterwards.</p>
    </Section>
  );
}
