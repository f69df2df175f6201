// Backfills that are at work: how far they are, and what ends the rest of one.
import { get, path, post, query, type RunHead, type State } from "./api";
import { useLive } from "./live";
import { Doing, StateMark } from "./parts";
import { plural } from "./plural";

const order: State[] = ["succeeded", "failed", "cancelled", "skipped", "running", "queued"];

// Found by what is not done yet, which is little beside what is.
async function openBatches(graph: string): Promise<RunHead[][]> {
  const ask = (more: Record<string, string>) => get<{ runs: RunHead[] }>(path("runs") + query({ graph, limit: 200, ...more })).then(({ runs }) => runs);
  const open = (await Promise.all(["running", "queued"].map((state) => ask({ state, trigger: "backfill" })))).flat();
  const batches = [...new Set(open.map((run) => run.batch ?? ""))].filter(Boolean);
  return Promise.all(batches.map((batch) => ask({ batch })));
}

export function Batches({ graph }: { graph: string }) {
  const { value, reload } = useLive(() => openBatches(graph), "", `batches ${graph}`, 1500);
  return (
    <>
      {(value ?? []).map((runs) => {
        const rest = runs.filter((run) => run.state === "queued" || run.state === "running");
        const dates = runs.map((run) => run.data_date).sort();
        return (
          <div key={runs[0]?.batch} class="row card">
            <strong>Backfill of {runs.length === 200 ? "200 and more runs" : plural(runs.length, "run")}</strong> <span class="quiet">{dates[0]} to {dates[dates.length - 1]}, by {runs[0]?.requested_by}</span>
            {order.map((state) => ({ state, count: runs.filter((run) => run.state === state).length })).filter(({ count }) => count > 0).map(({ state, count }) => <span key={state}>{count} <StateMark state={state} /></span>)}
            <Doing plain label="Cancel the rest" danger confirm={`${plural(rest.length, "run ends", "runs end")}: what runs with everything that it started, what is queued before it begins. What was delivered stays.`} what={async () => {
              for (const run of rest) await post(path("runs", run.id, "cancel")).catch(() => {}); // it may have ended by itself
              reload();
            }} />
          </div>
        );
      })}
    </>
  );
}
