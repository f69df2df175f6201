// Which page the address names: #/ , #/schedule and #/schedule/2026-03 and #/schedule/2026-03-29,
// #/services/NAME, #/graphs/NAME, #/runs/ID, #/runs/ID/TASK and #/log.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { AuditPage } from "./audit";
import { GraphPage } from "./graph";
import { Overview } from "./overview";
import { Section } from "./parts";
import { RunPage } from "./run";
import { SchedulePage } from "./schedule";
import { ServicePage } from "./service";

// Whether one page leads to the other without leaving it: a day of the schedule, a task of a run.
const isOnePage = (a: string[], b: string[]) => a[0] === b[0] && (a[0] === "schedule" || a[1] === b[1]);

function usePlace(): string[] {
  const read = () => window.location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  const [place, setPlace] = useState(read());
  const last = useRef(place);
  useEffect(() => {
    const moved = () => {
      const next = read();
      if (!isOnePage(last.current, next)) document.getElementById("page")?.focus();
      last.current = next;
      setPlace(next);
    };
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  return place;
}

function Page({ place }: { place: string[] }) {
  const [kind, name, task] = place;
  if (!kind) return <Overview />;
  if (kind === "schedule") return <SchedulePage when={name ?? ""} />;
  if (kind === "graphs" && name) return <GraphPage key={name} graph={name.replace(":", "/")} />;
  if (kind === "runs" && name) return <RunPage key={name} id={name} task={task ?? ""} />;
  if (kind === "services" && name) return <ServicePage key={name} service={name} />;
  if (kind === "log") return <AuditPage />;
  return <Section main title="No such page"><p>There is no page of that address. <a href="#/">The overview</a> lists what there is.</p></Section>;
}

function App() {
  const place = usePlace();
  const [kind, name] = place;
  useEffect(() => {
    document.title = kind === "schedule" ? "Schedule - Busker" : name ? `${name.replace(":", "/")} - Busker` : "Busker";
  }, [kind, name]);
  const here = (page: string) => (page === (kind ?? "") ? "page" : undefined);
  return (
    <>
      <header>
        <a href="#/" class="brand">Busker</a>
        <nav aria-label="Pages">
          <a href="#/" aria-current={here("")}>Overview</a>
          <a href="#/schedule" aria-current={here("schedule")}>Schedule</a>
          <a href="#/log" aria-current={here("log")}>Log</a>
        </nav>
      </header>
      <main id="page" tabIndex={-1}><Page place={place} /></main>
    </>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
