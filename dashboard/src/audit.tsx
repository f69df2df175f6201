// Who did what, newest first; and, when asked for, all that followed from it.
import { useState } from "preact/hooks";
import { get, type Event } from "./api";
import { useNow } from "./live";
import { More, Problem, Section, usePages } from "./parts";
import { fromNow, local } from "./time";

export function AuditPage() {
  const now = useNow(1000);
  const [all, setAll] = useState(false);
  const pages = usePages<Event>((cursor) =>
    get<{ events: Event[]; next: string | null }>(`/api/v1/events?limit=100&all=${all}${cursor}`)
      .then(({ events, next }) => ({ items: events, next })), String(all));
  return (
    <Section title="Who did what">
      <p>
        <label><input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> also what followed by itself</label>
      </p>
      <Problem message={pages.error} />
      {pages.items && pages.items.length === 0 ? <p>Nobody has asked for anything yet. What is started, cancelled, paused, promoted or undone is noted here.</p> : null}
      {pages.items && pages.items.length > 0 ? (
        <div class="scroll">
          <table>
            <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Run</th><th scope="col">Detail</th></tr></thead>
            <tbody>
              {pages.items.map((event) => (
                <tr key={event.number}>
                  <td title={local(event.at)}>{fromNow(event.at, now)}</td>
                  <td>{event.actor}</td>
                  <th scope="row">{event.what}</th>
                  <td>{event.run ? <a href={`#/runs/${event.run}${event.task ? `/${event.task}` : ""}`}>{event.run}{event.task ? `, ${event.task}` : ""}</a> : null}</td>
                  <td class="long">{event.detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      <More pages={pages} />
      <p class="quiet">Each event holds the hash of the one before it; <code>busker audit --verify</code> finds what was changed afterwards.</p>
    </Section>
  );
}
