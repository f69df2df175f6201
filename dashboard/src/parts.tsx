// Small pieces that several pages have.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { State } from "./api";
import { useLive } from "./live";

const marks: Record<State, string> = {
  queued: "○",
  running: "◐",
  succeeded: "●",
  failed: "✕",
  cancelled: "⊘",
  skipped: "–",
};

// A state is told by colour, by sign and in words.
export function StateMark({ state }: { state: State }) {
  return (
    <span class={`state ${state}`}>
      <span aria-hidden="true">{marks[state]}</span> {state}
    </span>
  );
}

export function Problem({ message }: { message: string }) {
  return message ? (
    <p class="problem" role="alert">
      {message}
    </p>
  ) : null;
}

// A button that does something which takes a moment and can fail.
export function Doing(props: { label: string; what: () => Promise<unknown>; plain?: boolean; confirm?: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const click = async () => {
    if (props.confirm && !window.confirm(props.confirm)) return;
    setBusy(true);
    setError("");
    try {
      await props.what();
    } catch (fault) {
      setError((fault as Error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={props.plain ? "plain" : ""} disabled={busy} onClick={() => void click()}>
        {props.label}
      </button>
      <Problem message={error} />
    </>
  );
}

export interface Column<Row> {
  name: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  kind?: "head" | "right" | "buttons" | "wide";  // head: what names the row; wide: its text is broken into lines
  title?: (row: Row) => string;
}

// Rows of facts; instead of none, what to do so that there are some.
export function Table<Row>(props: { columns: Column<Row>[]; rows: Row[]; keyOf: (row: Row) => string; empty: ComponentChildren; label?: string }) {
  if (props.rows.length === 0) return <Empty>{props.empty}</Empty>;
  return (
    <div class="scroll">
      <table aria-label={props.label}>
        <thead>
          <tr>{props.columns.map((column, i) => <th key={i} scope="col" class={column.kind === "right" ? "right" : ""}>{column.name}</th>)}</tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.keyOf(row)}>
              {props.columns.map((column, i) => column.kind === "head"
                ? <th key={i} scope="row" title={column.title?.(row)}>{column.cell(row)}</th>
                : <td key={i} class={column.kind ?? ""} title={column.title?.(row)} data-name={typeof column.name === "string" ? column.name : undefined}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

// A head that only readers of screens need.
export const doHead = <span class="hidden">Do</span>;

// A digest, short; whole for who points at it.
export function Digest({ of }: { of: string | null }) {
  return of ? <code title={`SHA-256 ${of}`}>{of.slice(0, 12)}</code> : null;
}

// A part of a page; `main`: the one that the page is about.
export function Section({ title, main, children }: { title: string; main?: boolean; children: ComponentChildren }) {
  return (
    <section>
      {main ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </section>
  );
}

export interface Pages<T> {
  items: T[] | null; // null: none has come yet
  error: string;
  more: (() => void) | null; // null: there are no more
  reload: () => void;
}

interface Page<T> {
  items: T[];
  next: string | null;
}

// A long list, page by page. The first page follows what happens; when that moves its end, the pages behind
// it are let go, or, of a list that grows at its begin (`still`), all stays as it was.
export function usePages<T>(load: (cursor: string) => Promise<Page<T>>, key: string, still = false): Pages<T> {
  const first = useLive(() => load(""), "", key);
  const [rest, setRest] = useState<(Page<T> & { key: string; first: Page<T> }) | null>(null);
  const [error, setError] = useState("");
  const follows = rest?.first.next === first.value?.next;
  const mine = rest?.key === key && (still || follows) ? rest : null;
  const shown = mine && !follows ? mine.first : first.value;
  const next = (mine ?? shown)?.next ?? null;
  const more = async () => {
    if (shown === null) return;
    try {
      const page = await load(next ?? "");
      setRest({ key, first: shown, items: [...(mine?.items ?? []), ...page.items], next: page.next });
      setError("");
    } catch (fault) {
      setError((fault as Error).message);
    }
  };
  return {
    items: shown && [...shown.items, ...(mine?.items ?? [])],
    error: first.error || error,
    more: next === null ? null : () => void more(),
    reload: first.reload,
  };
}

export function More<T>({ pages }: { pages: Pages<T> }) {
  return pages.more ? <p><button type="button" class="plain" onClick={pages.more}>Show more</button></p> : null;
}
