// What happens, as it happens: a page looks again when something did, at most twice a second.
import { useEffect, useRef, useState } from "preact/hooks";

type Listener = (run: string) => void;
const listeners = new Set<Listener>();
let connected = false;

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
      if (source?.readyState !== EventSource.CLOSED) return; // else the browser itself tries again
      close();
      timer = window.setTimeout(open, 5000);
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

// `load` at once, and again after news of the run (empty: of any), and each minute.
export function useLive<T>(load: () => Promise<T>, run: string, key: string) {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState("");
  const loading = useRef(load);
  loading.current = load;
  useEffect(() => {
    let ended = false;
    let timer = 0;
    let due = false;
    const again = async () => {
      try {
        const next = await loading.current();
        if (!ended) {
          setValue(() => next);
          setError("");
        }
      } catch (fault) {
        if (!ended) setError((fault as Error).message);
      }
    };
    const soon = () => {
      if (due) return;
      due = true;
      timer = window.setTimeout(() => {
        due = false;
        void again();
      }, 500);
    };
    const hear: Listener = (which) => {
      if (which === "" || run === "" || which === run) soon();
    };
    if (!connected) connect();
    listeners.add(hear);
    const minute = window.setInterval(() => void again(), 60_000);
    setValue(null);
    void again();
    return () => {
      ended = true;
      listeners.delete(hear);
      window.clearTimeout(timer);
      window.clearInterval(minute);
    };
  }, [run, key]);
  const reload = () => {
    loading.current().then((next) => setValue(() => next), (fault: Error) => setError(fault.message));
  };
  return { value, error, reload };
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
