// Small pieces that several pages have.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { State } from "./api";

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
