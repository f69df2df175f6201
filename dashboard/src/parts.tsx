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

export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
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

// A long list, page by page. The first page follows what happens; the others stay as they were.
export function usePages<T>(load: (cursor: string) => Promise<{ items: T[]; next: string | null }>, key: string): Pages<T> {
  const first = useLive(() => load(""), "", key);
  const [rest, setRest] = useState<{ key: string; items: T[]; next: string | null } | null>(null);
  const [error, setError] = useState("");
  const mine = rest?.key === key ? rest : null;
  const next = mine ? mine.next : (first.value?.next ?? null);
  const more = async () => {
    try {
      const page = await load(`&cursor=${encodeURIComponent(next ?? "")}`);
      setRest({ key, items: [...(mine?.items ?? []), ...page.items], next: page.next });
      setError("");
    } catch (fault) {
      setError((fault as Error).message);
    }
  };
  return {
    items: first.value && [...first.value.items, ...(mine?.items ?? [])],
    error: first.error || error,
    more: next === null ? null : () => void more(),
    reload: first.reload,
  };
}

export function More<T>({ pages }: { pages: Pages<T> }) {
  return pages.more ? <p><button type="button" class="plain" onClick={pages.more}>Show more</button></p> : null;
}
