// Which page the address names: #/ , #/services/NAME, #/graphs/NAME, #/runs/ID, #/runs/ID/TASK, #/log.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { AuditPage } from "./audit";
import { GraphPage } from "./graph";
import { Overview } from "./overview";
import { RunPage } from "./run";
import { ServicePage } from "./service";

function usePlace(): string[] {
  const read = () => window.location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  const [place, setPlace] = useState(read());
  useEffect(() => {
    const moved = () => {
      setPlace(read());
      document.getElementById("page")?.focus();
    };
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  return place;
}

function Page() {
  const [kind, name, task] = usePlace();
  if (kind === "graphs" && name) return <GraphPage key={name} graph={name.replace(":", "/")} />;
  if (kind === "runs" && name) return <RunPage key={name} id={name} task={task ?? ""} />;
  if (kind === "services" && name) return <ServicePage key={name} service={name} />;
  if (kind === "log") return <AuditPage />;
  return <Overview />;
}

function App() {
  return (
    <>
      <header>
        <a href="#/" class="brand">Busker</a>
        <nav aria-label="Pages"><a href="#/">Overview</a> <a href="#/log">Log</a></nav>
      </header>
      <main id="page" tabIndex={-1}><Page /></main>
    </>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
