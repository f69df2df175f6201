// What happens, as it happens: a page looks again when something did, at most twice a second. And
// whether Busker is there at all: told once, for all pages.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Away } from "./api";

type Listener = (run: string) => void;
const listeners = new Set<Listener>();
let connected = false;

// Whether Busker answers, and what is wrong if it does not.
export interface Presence {
  gone: boolean;
  since: number;
  signedOut: boolean;
}
let presence: Presence = { gone: false, since: 0, signedOut: false };
const watchers = new Set<() => void>();
let probing = 0;
const probeEvery = 1000, probeLimit = 1500;

function set(next: Presence) {
  presence = next;
  watchers.forEach((watcher) => watcher());
}

export function usePresence(): Presence {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    const watcher = () => draw((count) => count + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return presence;
}

async function probe() {
  try {
    const answer = await fetch("/api/v1/me", { signal: AbortSignal.timeout(probeLimit) });
    if (answer.status === 401) {
      set({ ...presence, gone: false, signedOut: true });
    } else if (presence.gone || presence.signedOut) {
      set({ gone: false, since: 0, signedOut: false });
      listeners.forEach((listener) => listener(""));
    }
    probing = 0;
  } catch {
    if (!presence.gone) set({ ...presence, gone: true, since: Date.now() });
    probing = window.setTimeout(() => void probe(), probeEvery);
  }
}

// Something did not answer: looks whether anything does.
export function suspect() {
  if (probing) return;
  probing = 1;
  void probe();
}

// Events of the server, for as long as somebody looks: a browser has six connections to one server for
// all its tabs, and one that nobody sees would hold one of them. What ends, or fails, is begun again.
export function openStream(where: string, hear: (data: string) => void, lost: () => void, opened = () => {}): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  const close = () => {
    source?.close();
    source = null;
    window.clearTimeout(timer);
  };
  const open = () => {
    if (document.hidden || source) return;
    source = new EventSource(where);
    source.onmessage = (event) => hear(event.data as string);
    source.onopen = opened;
    source.onerror = () => {
      lost();
      suspect();
      close();
      timer = window.setTimeout(open, 2000);
    };
  };
  const turned = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", turned);
  open();
  return () => {
    document.removeEventListener("visibilitychange", turned);
    close();
  };
}

function connect() {
  connected = true;
  const tell = (run: string) => listeners.forEach((listener) => listener(run));
  // What was missed until it is there, or there again, is looked up.
  openStream("/api/v1/live", (data) => tell((JSON.parse(data) as { run: string }).run), () => {}, () => tell(""));
}

// When what failed is tried again: after 2 s, 4, 8, and so on, each minute at last; anew from 2 s once it succeeded.
export class Patience {
  private pause = 2000;
  private timer = 0;

  wait(again: () => void) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(again, this.pause);
    this.pause = Math.min(2 * this.pause, 60_000);
  }
  succeeded() {
    this.pause = 2000;
  }
  end() {
    window.clearTimeout(this.timer);
  }
}

// `load` at once, and again after news of the run (empty: of any), at most each `pause`, and each
// minute; what failed, sooner. A Busker that is away is no error here: it is told above the page, and what
// is shown stays.
export function useLive<T>(load: () => Promise<T>, run: string, key: string, pause = 500) {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState("");
  const loading = useRef(load);
  loading.current = load;
  const asking = useRef(() => {});
  useEffect(() => {
    let ended = false;
    let timer = 0;
    let due = false;
    let asked = 0, answered = 0; // an answer may come after that to a later question
    const patience = new Patience();
    const again = async () => {
      const mine = (asked += 1);
      const isOld = () => ended || mine < answered;
      try {
        const next = await loading.current();
        if (isOld()) return;
        answered = mine;
        setValue(() => next);
        setError("");
        patience.succeeded();
      } catch (fault) {
        if (isOld()) return;
        if (fault instanceof Away) suspect();
        else setError((fault as Error).message);
        patience.wait(() => void again());
      }
    };
    asking.current = () => void again();
    const soon = () => {
      if (due) return;
      due = true;
      timer = window.setTimeout(() => {
        due = false;
        void again();
      }, pause);
    };
    const hear: Listener = (which) => {
      if (which === "" || run === "" || which === run) soon();
    };
    if (!connected) connect();
    listeners.add(hear);
    const minute = window.setInterval(() => void again(), 60_000);
    setValue(null);
    setError("");
    void again();
    return () => {
      ended = true;
      listeners.delete(hear);
      window.clearTimeout(timer);
      window.clearInterval(minute);
      patience.end();
    };
  }, [run, key]);
  return { value, error, reload: () => asking.current() };
}

// What no run tells of and is not settled yet is looked up each two seconds.
export function useUntilSettled(settled: boolean, reload: () => void) {
  useEffect(() => {
    if (settled) return;
    const timer = window.setInterval(reload, 2000);
    return () => window.clearInterval(timer);
  }, [settled]);
}

// The time, so that distances from now stay true.
export function useNow(everyMilliseconds: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMilliseconds);
    return () => window.clearInterval(timer);
  }, [everyMilliseconds]);
  return now;
}
