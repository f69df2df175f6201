// Runs across, with their dates and how long they took, the newest right; their tasks down. One stop for
// the tab key, arrows go from cell to cell.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Run, State, Task } from "./api";
import { marks } from "./parts";
import { duration, inZone, zoneFor } from "./time";

const length = (run: Run, now: number) => (run.started_at ? Math.max(0, (run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(run.started_at)) : 0);
const words: State[] = ["succeeded", "failed", "running", "queued", "cancelled", "skipped"];

// Skipped, since what it comes after did not succeed: nobody chose that.
const isUpstream = (task: Task) => task.state === "skipped" && task.message !== "" && !/^skipped by /.test(task.message);

// Tasks that wait for the same, where they are many, are one row until it is opened.
const worst: State[] = ["failed", "running", "queued", "cancelled", "skipped", "succeeded"];
function rowsOf(across: Run[], open: Set<string>): { head: string; names: string[] }[] {
  const names = [...new Set(across.flatMap((run) => run.tasks.map((task) => task.name)))].slice(0, 600);
  const after = new Map(across.flatMap((run) => run.tasks.map((task) => [task.name, task.after.join(" ")] as const)));
  const rows: { head: string; names: string[] }[] = [];
  for (const name of names) {
    const like = names.filter((each) => after.get(each) !== "" && after.get(each) === after.get(name));
    if (like.length < 15 || open.has(like[0] ?? "")) rows.push({ head: name, names: [name] });
    else if (like[0] === name) rows.push({ head: name, names: like });
  }
  return rows.slice(0, 300);
}

export function Legend() {
  return (
    <ul class="legend">
      {words.map((state) => <li key={state}><span class={`cell legend-cell ${state}`} aria-hidden="true">{marks[state]}</span> {state}</li>)}
      <li><span class="cell legend-cell skipped" aria-hidden="true">↑</span> skipped, as what it comes after did not succeed</li>
      <li><span class="cell legend-cell succeeded" aria-hidden="true">✓<span class="again">2</span></span> took 2 attempts</li>
    </ul>
  );
}

// Above a column: the date, and of another instant of the same date, the clock.
function dayOf(run: Run, previous: Run | undefined, zone: string): string {
  if (previous?.data_date !== run.data_date) return run.data_date.slice(5);
  return previous.scheduled_at === run.scheduled_at ? "″" : inZone(run.scheduled_at, zoneFor(zone)).clock;
}

export function Grid({ runs, now, zone }: { runs: Run[]; now: number; zone: string }) {
  const across = [...runs].reverse();
  const [open, setOpen] = useState<Set<string>>(new Set());
  const rows = rowsOf(across, open);
  const tasks = rows.map((row) => row.head);
  const longest = Math.max(1, ...across.map((run) => length(run, now)));
  const [at, setAt] = useState<[number, number]>([0, Math.max(0, across.length - 1)]); // row 0: the runs
  const [tip, setTip] = useState<{ text: string; x: number; y: number } | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollLeft = box.current.scrollWidth; // the newest is what one looks for
  }, [across.length]);
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -across.length], End: [0, across.length] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const row = Math.max(0, Math.min(tasks.length, at[0] + step[0])), column = Math.max(0, Math.min(across.length - 1, at[1] + step[1]));
    setAt([row, column]);
    box.current?.querySelector<HTMLElement>(`[data-at="${row} ${column}"]`)?.focus();
  };
  const show = (text: string) => ({
    onMouseEnter: (event: MouseEvent) => {
      const place = (event.currentTarget as HTMLElement).getBoundingClientRect();
      setTip({ text, x: Math.max(8, Math.min(place.left, window.innerWidth - 330)), y: place.bottom + 6 });
    },
    onFocus: (event: FocusEvent) => {
      const place = (event.currentTarget as HTMLElement).getBoundingClientRect();
      setTip({ text, x: Math.max(8, Math.min(place.left, window.innerWidth - 330)), y: place.bottom + 6 });
    },
    onMouseLeave: () => setTip(null),
    onBlur: () => setTip(null),
  });
  const stop = (row: number, column: number) => ({ tabIndex: at[0] === row && at[1] === column ? 0 : -1, "data-at": `${row} ${column}` });
  return (
    <>
      <div class="scroll" ref={box} onKeyDown={press} role="group" aria-label="Runs and their tasks; arrows go from cell to cell">
        <table class="grid">
          <thead>
            <tr>
              <th scope="col"><span class="hidden">Task</span></th>
              {across.map((run, column) => {
                const told = `${run.data_date}: ${run.state}${run.started_at ? `, ${duration(length(run, now))}` : ""}\n${run.trigger}${run.requested_by ? `, ${run.requested_by}` : ""}\n${run.message.slice(0, 240)}`.trim();
                const previous = across[column - 1];
                return (
                  <th key={run.id} scope="col">
                    <span class="day" aria-hidden="true">{dayOf(run, previous, zone)}</span>
                    <span class="tall" aria-hidden="true"><i class={run.state} ref={(element) => { if (element) element.style.height = `${Math.max(2, (52 * length(run, now)) / longest)}px`; }} /></span>
                    <a class={`cell ${run.state}`} href={`#/runs/${run.id}`} {...stop(0, column)} {...show(told)}><span aria-hidden="true">{marks[run.state]}</span><span class="hidden">{`Run for ${run.data_date}: ${run.state}`}</span></a>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ head: name, names }, i) => (
              <tr key={name}>
                <th scope="row" title={name}>{names.length > 1 ? <button type="button" class="link" title="Show each" onClick={() => setOpen(new Set([...open, name]))}>▸ {names.length} × {name}</button> : name}</th>
                {across.map((run, column) => {
                  const mine = run.tasks.filter((each) => names.includes(each.name));
                  const task = worst.flatMap((state) => mine.filter((each) => each.state === state))[0];
                  if (!task) return <td key={run.id} />;
                  const tries = task.attempts.length;
                  const told = `${names.length > 1 ? `${task.name}, of ${names.length}` : name} for ${run.data_date}: ${task.state}${tries > 1 ? `, ${tries} attempts` : ""}\n${task.message.slice(0, 240)}`.trim();
                  return (
                    <td key={run.id}>
                      <a class={`cell ${task.state}`} href={`#/runs/${run.id}/${task.name}/${tries || 1}`} {...stop(i + 1, column)} {...show(told)}>
                        <span aria-hidden="true">{isUpstream(task) ? "↑" : marks[task.state]}{tries > 1 ? <span class="again">{tries}</span> : null}</span>
                        <span class="hidden">{`${name} for ${run.data_date}: ${task.state}`}</span>
                      </a>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {tip ? <div class="tip" aria-hidden="true" ref={(element) => { if (element) { element.style.left = `${tip.x}px`; element.style.top = `${tip.y}px`; } }}>{tip.text}</div> : null}
      <Legend />
    </>
  );
}
