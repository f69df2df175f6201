// Backfills that are at work: how far they are, and what ends the rest of one.
import { get, path, post, query, type RunHead, type State } from "./api";
import { useLive } from "./live";
import { Doing, StateMark } from "./parts";

const order: State[] = ["succeeded", "failed", "cancelled", "skipped", "running", "queued"];

export function Batches({ graph }: { graph: string }) {
  const { value, reload } = useLive(() => get<{ runs: RunHead[] }>(path("runs") + query({ graph, trigger: "backfill", limit: 200 })), "", `batches ${graph}`, 1500);
  const batches = new Map<string, RunHead[]>();
  for (const run of value?.runs ?? []) if (run.batch) batches.set(run.batch, [...(batches.get(run.batch) ?? []), run]);
  const open = [...batches.values()].filter((runs) => runs.some((run) => run.state === "queued" || run.state === "running"));
  return (
    <>
      {open.map((runs) => {
        const rest = runs.filter((run) => run.state === "queued" || run.state === "running");
        const dates = runs.map((run) => run.data_date).sort();
        return (
          <div key={runs[0]?.batch} class="row card">
            <strong>Backfill of {runs.length === 200 ? "200 and more" : runs.length} runs</strong> <span class="quiet">{dates[0]} to {dates[dates.length - 1]}, by {runs[0]?.requested_by}</span>
            {order.map((state) => ({ state, count: runs.filter((run) => run.state === state).length })).filter(({ count }) => count > 0).map(({ state, count }) => <span key={state}>{count} <StateMark state={state} /></span>)}
            <Doing plain label="Cancel the rest" danger confirm={`${rest.length} ${rest.length === 1 ? "run ends" : "runs end"}: what runs with everything that it started, what is queued before it begins. What was delivered stays.`} what={async () => {
              for (const run of rest) await post(path("runs", run.id, "cancel")).catch(() => {}); // it may have ended by itself
              reload();
            }} />
          </div>
        );
      })}
    </>
  );
}
