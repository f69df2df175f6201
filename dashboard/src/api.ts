// What the HTTP API answers, and how it is asked. One place for both; the shapes are those of --json.

export type State = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "skipped";

export interface Attempt {
  number: number;
  running: boolean;
  launched_at: string;
  started_at: string | null;
  command_started_at: string | null;
  command_ended_at: string | null;
  ended_at: string | null;
  ending: string | null;
  message: string | null;
  exit_code: number;
  cpu_seconds: number;
  memory_peak_bytes: number;
}
export interface Task {
  name: string;
  state: State;
  message: string;
  attempts: Attempt[];
}
export interface RunHead {
  id: string;
  service: string | null;
  action?: string;
  graph?: string;
  state: State;
  message: string;
  data_date: string;
  requested_at: string;
  started_at: string | null;
  ended_at: string | null;
  trigger: string;
  requested_by: string;
}
export interface Run extends RunHead {
  tasks: Task[];
}
export interface Graph {
  graph: string;
  service: string | null;
  schedule: string | null;
  time_zone: string;
  next: string | null;
  paused: boolean;
  paused_by: string | null;
  trouble: Trouble | null;
  last_run: RunHead | null;
  explained?: string; // of a single one alone
}
export type Trouble = "failed" | "late" | "never-started";
export interface Event {
  number: number;
  at: string;
  run: string | null;
  task: string | null;
  what: string;
  actor: string;
  detail: string;
}
export interface Status {
  version: string;
  since: string;
  trouble: string | null;
  faults: { file: string; message: string }[];
  runs_unfinished: number;
  attempts_running: number;
}
export interface Live {
  version: string;
  key: string;
  by: string;
  why: string;
  at: string;
  can_roll_back: boolean;
}
export interface Service {
  service: string;
  version: string;
  versions: number;
  live: Live | null;
}
export interface Version {
  version: string;
  key: string;
  live: boolean;
  metrics: Record<string, number>;
  action: string;
  data_date: string;
  saved_at: string;
  run: string;
  bytes: number;
}
export interface Delivery {
  id: string;
  table: string;
  write: string;
  data_date: string;
  rows: number;
  table_rows: number;
  current: boolean;
  delivered_at: string;
  undone_at: string | null;
  run: string;
  model_version: string;
}
export interface BackfillInstant {
  due: string;
  scheduled_at: string;
  run: string;
  what: string;
}

// A graph as a part of a path: "churn/training" is "churn:training".
export const inPath = (graph: string) => graph.replace("/", ":");
export const graphOf = (run: RunHead) => (run.service ? `${run.service}/${run.action}` : (run.graph ?? ""));

async function problemIn(answer: Response): Promise<Error> {
  try {
    const problem = (await answer.json()) as { detail?: string };
    if (problem.detail) return new Error(problem.detail);
  } catch {
    // No problem document: the status has to do.
  }
  return new Error(`Busker answered ${answer.status} ${answer.statusText}`);
}

export async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path);
  if (!answer.ok) throw await problemIn(answer);
  return (await answer.json()) as T;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw await problemIn(answer);
  return (await answer.json()) as T;
}

// The text from a byte on (null: the last of it), and the byte to go on from.
export async function getLog(run: string, task: string, attempt: number, from: number | null) {
  const where = from === null ? "" : `?from=${from}`;
  const answer = await fetch(`/api/v1/runs/${run}/tasks/${task}/attempts/${attempt}/log${where}`);
  if (!answer.ok) throw await problemIn(answer);
  return { text: await answer.text(), next: Number(answer.headers.get("X-Log-Next") ?? "0") };
}
