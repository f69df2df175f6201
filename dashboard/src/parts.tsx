// Small pieces that several pages have.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { inPath, path, post, type State } from "./api";
import { useLive } from "./live";
import { go } from "./place";
import { fromNow, stamp, useZones } from "./time";

export type Shown = State | "missing";
export const marks: Record<Shown, string> = {
  queued: "○",
  running: "◐",
  succeeded: "✓",
  failed: "✕",
  cancelled: "⊘",
  skipped: "–",
  missing: "?",
};

// A state is told by colour, by sign and in words.
export function StateMark({ state, word }: { state: Shown; word?: string }) {
  return (
    <span class={`state ${state}`}>
      <span class="sign" aria-hidden="true">{marks[state]}</span> {word ?? state}
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

// An instant: how far away, and when exactly for who points at it; or the other way round.
export function When({ at, now, zone, exact }: { at: string | null; now: number; zone?: string | null; exact?: boolean }) {
  useZones();
  if (!at) return null;
  const full = stamp(at, zone, true), away = fromNow(at, now);
  return <time dateTime={at} title={exact ? away : full}>{exact ? stamp(at, zone) : away}</time>;
}

// Copies a text; a sign says that it did.
export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => {
      setDone(true);
      window.setTimeout(() => setDone(false), 1500);
    });
  };
  return (
    <button type="button" class="copy" title={label} aria-label={label} onClick={copy}>
      {done ? <span aria-hidden="true">✓</span>
        : <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true"><rect x="5.5" y="5.5" width="8" height="9" rx="1.5" /><path d="M10.5 3.5 v-1 a1 1 0 0 0 -1 -1 h-6 a1 1 0 0 0 -1 1 v8 a1 1 0 0 0 1 1 h1" /></svg>}
      <span class="hidden" aria-live="polite">{done ? "copied" : ""}</span>
    </button>
  );
}

// A name that is long and seldom read, with what copies it.
export function Id({ of }: { of: string }) {
  return <span class="id"><code>{of}</code><Copy text={of} label={`Copy ${of}`} /></span>;
}

// A window over the page, closed by Escape and by a click beside it.
export function Dialog({ title, close, children, wide }: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog ref={box} class={wide ? "wide" : ""} aria-label={title} onClose={close} onClick={(event) => { if (event.target === box.current) close(); }}>
      <div class="dialog">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

// A button that does something which takes a moment and can fail. `confirm`: what it comes to, said before.
export function Doing(props: { label: string; what: (why: string) => Promise<unknown>; plain?: boolean; danger?: boolean; confirm?: ComponentChildren; title?: string; why?: string; described?: string }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [why, setWhy] = useState("");
  const [error, setError] = useState("");
  const run = async () => {
    setBusy(true);
    setError("");
    try {
      await props.what(why);
      setAsking(false);
    } catch (fault) {
      setError((fault as Error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={props.plain ? "plain" : ""} disabled={busy} aria-label={props.described} onClick={() => (props.confirm ? setAsking(true) : void run())}>
        {props.label}
      </button>
      {asking ? (
        <Dialog title={props.title ?? props.label} close={() => setAsking(false)}>
          {typeof props.confirm === "string" ? <p>{props.confirm}</p> : props.confirm}
          {props.why ? <p><label class="field">{props.why} <input type="text" maxLength={500} value={why} onInput={(event) => setWhy(event.currentTarget.value)} /></label></p> : null}
          <Problem message={error} />
          <p class="ends">
            <button type="button" class="plain" onClick={() => setAsking(false)}>Not now</button>
            <button type="button" class={props.danger ? "danger" : ""} disabled={busy} onClick={() => void run()}>{props.title ?? props.label}</button>
          </p>
        </Dialog>
      ) : <Problem message={error} />}
    </>
  );
}

// Starts a run, for a date that is asked for.
export function RunNow({ graph, plain }: { graph: string; plain?: boolean }) {
  const [asking, setAsking] = useState(false);
  const [date, setDate] = useState("");
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { run } = await post<{ run: string }>(path("graphs", inPath(graph), "runs"), { ...(date ? { date } : {}), ...(force ? { force } : {}) });
      go(`#/runs/${run}`);
      setAsking(false);
    } catch (fault) {
      setError((fault as Error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={plain ? "plain" : ""} aria-label={`Run now: ${graph}`} onClick={() => setAsking(true)}>Run now</button>
      {asking ? (
        <Dialog title={`Run ${graph}`} close={() => setAsking(false)}>
          <form onSubmit={(event) => void start(event)}>
            <p><label class="field">Data date <input type="date" value={date} onInput={(event) => setDate(event.currentTarget.value)} /></label></p>
            <p class="quiet">Empty: the data of now. It runs once, whatever its schedule says.</p>
            <p><label><input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> let older data replace newer in the table</label></p>
            <Problem message={error} />
            <p class="ends"><button type="button" class="plain" onClick={() => setAsking(false)}>Not now</button><button type="submit" disabled={busy}>Start the run</button></p>
          </form>
        </Dialog>
      ) : null}
    </>
  );
}

export function PauseButton({ graph, paused, done }: { graph: string; paused: boolean; done: () => void }) {
  return <Doing plain label={paused ? "Resume" : "Pause"} described={`${paused ? "Resume" : "Pause"} ${graph}`} what={async () => {
    await post(path("graphs", inPath(graph), paused ? "resume" : "pause"));
    done();
  }} />;
}

export interface Column<Row> {
  name: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  kind?: "head" | "right" | "buttons" | "wide";  // head: what names the row; wide: its text is broken into lines
  title?: (row: Row) => string;
}

// Rows of facts; instead of none, what to do so that there are some.
export function Table<Row>(props: { columns: Column<Row>[]; rows: Row[]; keyOf: (row: Row) => string; empty: ComponentChildren; label?: string; rowClass?: (row: Row) => string }) {
  if (props.rows.length === 0) return <Empty>{props.empty}</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={props.label}>
      <table aria-label={props.label}>
        <thead>
          <tr>{props.columns.map((column, i) => <th key={i} scope="col" class={column.kind === "right" ? "right" : ""}>{column.name}</th>)}</tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.keyOf(row)} class={props.rowClass?.(row) ?? ""}>
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

// A digest, short; whole for who points at it, or copies it.
export function Digest({ of }: { of: string | null }) {
  return of ? <span class="id"><code title={`SHA-256 ${of}`}>{of.slice(0, 12)}</code><Copy text={of} label="Copy the whole SHA-256" /></span> : null;
}

// A part of a page; `main`: the one that the page is about.
export function Section({ title, main, children, side, id, card }: { title: ComponentChildren; main?: boolean; children: ComponentChildren; side?: ComponentChildren; id?: string; card?: boolean }) {
  return (
    <section id={id} class={card ? "card" : ""}>
      <div class="title">{main ? <h1>{title}</h1> : <h2>{title}</h2>}{side ? <div class="side">{side}</div> : null}</div>
      {children}
    </section>
  );
}

// The way from the overview to here.
export function Crumbs({ to }: { to: [string, string][] }) {
  return (
    <nav class="crumbs" aria-label="Where this is">
      <ol>{[["Overview", "#/"] as [string, string], ...to].map(([name, hash]) => <li key={hash}><a href={hash}>{name}</a></li>)}</ol>
    </nav>
  );
}

export interface Pages<T> {
  items: T[] | null; // null: none has come yet
  error: string;
  more: (() => void) | null; // null: there are no more
  next: string | null; // where those would begin
  reload: () => void;
}

interface Page<T> {
  items: T[];
  next: string | null;
}

// A long list, page by page. The first page follows what happens; when that moves its end, the pages behind
// it are let go, or, of a list that grows at its begin (`still`), all stays as it was.
export function usePages<T>(load: (cursor: string) => Promise<Page<T>>, key: string, still = false, pause?: number): Pages<T> {
  const first = useLive(() => load(""), "", key, pause);
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
    next,
    reload: first.reload,
  };
}

export function More<T>({ pages, label = "Show more" }: { pages: Pages<T>; label?: string }) {
  return pages.more ? <p><button type="button" class="plain" onClick={pages.more}>{label}</button></p> : null;
}
