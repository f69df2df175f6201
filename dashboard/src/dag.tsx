// The tasks of a run as a picture: layer by layer from left to right, each with its state; a fan-out of
// many is one box until it is opened; what took longest from begin to end is drawn stronger.
import * as dagre from "@dagrejs/dagre";
import { useMemo, useState } from "preact/hooks";
import type { Run, State, Task } from "./api";
import { marks } from "./parts";
import { duration } from "./time";

const foldedFrom = 15, width = 164, height = 40, shownAtMost = 400;

interface Node {
  name: string;
  tasks: Task[]; // more than one: folded
  after: string[];
  state: State;
  took: number;
}

const took = (task: Task, now: number) => {
  const first = task.attempts[0], last = task.attempts[task.attempts.length - 1];
  if (!first || !last) return 0;
  return Math.max(0, (last.ended_at ? Date.parse(last.ended_at) : now) - Date.parse(first.launched_at));
};
const worst: State[] = ["failed", "running", "queued", "cancelled", "skipped", "succeeded"];

// Tasks that wait for the same and are waited for by the same, where they are many, are one.
function nodesOf(tasks: Task[], open: Set<string>, now: number): Node[] {
  const before = new Map<string, string[]>();
  for (const task of tasks) for (const name of task.after) before.set(name, [...(before.get(name) ?? []), task.name]);
  const groups = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = `${[...task.after].sort().join(" ")} > ${[...(before.get(task.name) ?? [])].sort().join(" ")}`;
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  const nodeOf = new Map<string, string>();
  const nodes: Node[] = [];
  for (const group of groups.values()) {
    const first = group[0];
    if (!first) continue;
    const folds = group.length >= foldedFrom && !open.has(first.name);
    for (const tasksOf of folds ? [group] : group.map((task) => [task])) {
      const head = tasksOf[0] as Task;
      for (const task of tasksOf) nodeOf.set(task.name, head.name);
      nodes.push({ name: head.name, tasks: tasksOf, after: [], state: worst.find((state) => tasksOf.some((task) => task.state === state)) ?? "queued", took: Math.max(...tasksOf.map((task) => took(task, now))) });
    }
  }
  for (const node of nodes) node.after = [...new Set(node.tasks.flatMap((task) => task.after.map((name) => nodeOf.get(name) ?? "")))].filter(Boolean);
  return nodes;
}

// The way from begin to end that took longest.
function slowest(nodes: Node[]): Set<string> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const known = new Map<string, { length: number; from: string }>();
  const lengthOf = (name: string): number => {
    const done = known.get(name);
    if (done) return done.length;
    known.set(name, { length: 0, from: "" });
    const node = byName.get(name);
    let most = 0, from = "";
    for (const each of node?.after ?? []) {
      const length = lengthOf(each);
      if (length >= most) [most, from] = [length, each];
    }
    known.set(name, { length: most + (node?.took ?? 0), from });
    return most + (node?.took ?? 0);
  };
  let last = "";
  for (const node of nodes) if (lengthOf(node.name) > 0 && lengthOf(node.name) >= (last ? lengthOf(last) : 0)) last = node.name;
  const edges = new Set<string>();
  for (let name = last; name; name = known.get(name)?.from ?? "") {
    const from = known.get(name)?.from;
    if (from) edges.add(`${from} ${name}`);
  }
  return edges;
}

const short = (name: string) => (name.length > 22 ? `${name.slice(0, 12)}…${name.slice(-9)}` : name);

export function Dag({ run, now }: { run: Run; now: number }) {
  const [open, setOpen] = useState<Set<string>>(new Set());
  const nodes = nodesOf(run.tasks, open, now);
  const shape = `${nodes.map((node) => `${node.name} ${node.tasks.length} ${node.after.join(" ")}`).join("\n")}`;
  const layout = useMemo(() => {
    if (nodes.length > shownAtMost) return null;
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 30, marginx: 14, marginy: 14 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const node of nodes) graph.setNode(node.name, { width, height });
    for (const node of nodes) for (const before of node.after) graph.setEdge(before, node.name);
    dagre.layout(graph);
    return {
      width: Math.ceil(Number(graph.graph()?.width ?? 0)), height: Math.ceil(Number(graph.graph()?.height ?? 0)),
      at: new Map(nodes.map((node) => [node.name, graph.node(node.name) as { x: number; y: number }])),
      edges: graph.edges().map((edge: { v: string; w: string }) => ({ from: edge.v, to: edge.w, points: (graph.edge(edge as never) as { points: { x: number; y: number }[] }).points })),
    };
  }, [shape]);
  if (!layout) return <p class="quiet">It has {nodes.length} tasks, too many for a picture; the grid below shows each.</p>;
  const slow = slowest(nodes);
  const count = (state: State) => run.tasks.filter((task) => task.state === state).length;
  return (
    <div class="dag" tabIndex={0} role="region" aria-label="Tasks and what they wait for">
      <svg ref={(element) => { if (element) { element.style.maxWidth = "100%"; element.style.minWidth = `${Math.round(layout.width * 0.72)}px`; element.style.height = "auto"; } }} width={layout.width} viewBox={`0 0 ${layout.width} ${layout.height}`} role="group" aria-label={worst.filter((state) => count(state) > 0).map((state) => `${count(state)} ${state}`).join(", ")}>
        <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip-of" d="M0 0 L8 4 L0 8 z" /></marker></defs>
        {layout.edges.map(({ from, to, points }) => (
          <path key={`${from} ${to}`} class={`edge${slow.has(`${from} ${to}`) ? " slow" : ""}`} marker-end="url(#tip)"
            d={points.map((point, i) => `${i === 0 ? "M" : "L"}${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join(" ")} />
        ))}
        {nodes.map((node) => {
          const at = layout.at.get(node.name);
          if (!at) return null;
          const many = node.tasks.length > 1, task = node.tasks[0] as Task;
          const states = worst.filter((state) => node.tasks.some((each) => each.state === state)).map((state) => `${node.tasks.filter((each) => each.state === state).length} ${state}`).join(", ");
          const sub = many ? states : `${node.state}${node.took > 0 ? `, ${duration(node.took)}` : ""}${task.attempts.length > 1 ? `, ${task.attempts.length} attempts` : ""}`;
          const inside = <>
            <title>{`${many ? `${node.tasks.length} tasks like ${node.name}` : node.name}: ${sub}${task.message && !many ? `\n${task.message.slice(0, 300)}` : ""}`}</title>
            <rect x={at.x - width / 2} y={at.y - height / 2} width={width} height={height} rx="7" />
            <text class="sign" aria-hidden="true" x={at.x - width / 2 + 10} y={at.y + 5}>{marks[node.state]}</text>
            <text x={at.x - width / 2 + 27} y={at.y - 3}>{many ? `${node.tasks.length} × ${short(node.name)}` : short(node.name)}</text>
            <text class="sub" x={at.x - width / 2 + 27} y={at.y + 12}>{sub.slice(0, 26)}</text>
          </>;
          return many
            ? <g key={node.name} class={`node ${node.state}`} role="button" tabIndex={0} aria-label={`${node.tasks.length} tasks like ${node.name}, ${sub}: show each`}
                onClick={() => setOpen(new Set([...open, node.name]))} onKeyDown={(event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); setOpen(new Set([...open, node.name])); } }}>{inside}</g>
            : <a key={node.name} class={`node ${node.state}`} href={`#/runs/${run.id}/${node.name}/${task.attempts.length || 1}`}>{inside}</a>;
        })}
      </svg>
    </div>
  );
}
