// What happens, as it happens: a page looks again when something did, at most twice a second.
import { useEffect, useRef, useState } from "preact/hooks";

type Listener = (run: string) => void;
const listeners = new Set<Listener>();
let source: EventSource | null = null;

function connect() {
  source = new EventSource("/api/v1/live");
  source.onmessage = (event) => {
    const { run } = JSON.parse(event.data as string) as { run: string };
    for (const listener of listeners) listener(run);
  };
  // The browser connects again by itself; what was missed meanwhile is looked up.
  source.onopen = () => listeners.forEach((listener) => listener(""));
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
    if (source === null) connect();
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
