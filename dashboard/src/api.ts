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
  after: string[];
  place: string | null; // null: where busker runs
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
  target: string | null;
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
  after: string[];
  trouble: Trouble | null;
  last_run: RunHead | null;
  explained?: string; // of a single one alone
}
export type Trouble = "failed" | "late" | "never-started";
export interface Event {
  number: number;
  at: string;
  graph: string | null;
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
  versions: number | null;
  live: Live | null;
  unreadable: string | null;
}
export interface Version {
  version: string;
  key: string;
  live: boolean;
  gate: { passed: boolean; why: string } | null;
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
  version: string;
  version_data_date: string;
  warning: string;
}

export interface File {
  path: string;
  bytes: number;
  sha256: string;
}
export interface Contents extends Version {
  contents: File[];
  files: number;
  source_commit: string | null;
  folder_commit: string | null;
  config_sha256: string | null;
  input: string | null;
}
export interface Lineage {
  run: string;
  service: string | null;
  action?: string;
  data_date: string;
  definition_sha256: string | null;
  input_version: string | null;
  input: Contents | null;
  output: Contents | null;
  deliveries: Delivery[];
  used_by: Delivery[];
  missing: string[];
}
export interface ClockChange {
  at: string;
  time_zone: string;
  date: string;
  what: string;
}
export interface ScheduledDay {
  date: string;
  count: number;
  first: string;
  last: string;
}
export interface ScheduledInstant {
  utc: string;
  local: string;
  data_date: string;
  note: string;
}
export interface Scheduled {
  graph: string;
  schedule: string;
  time_zone: string;
  paused: boolean;
  count: number;
  every_minutes: number | null;
  instants: ScheduledInstant[];
  days: ScheduledDay[];
  lost: { at: string; note: string }[];
}
export interface Instants {
  from: string;
  to: string;
  zone: string;
  days: { date: string; begins: string; count: number; graphs: number }[];
  changes: ClockChange[];
  graphs: Scheduled[];
  next: string | null;
}

// A path of the API. A part that no path of Busker's has, which somebody may have written into the
// address of a page, goes nowhere.
export function path(...parts: (string | number)[]): string {
  for (const part of parts) {
    if (!/^[A-Za-z0-9._~:-]+$/.test(String(part)) || /^\.+$/.test(String(part))) {
      throw new Error("There is nothing of that name. The overview lists what there is.");
    }
  }
  return `/api/v1/${parts.join("/")}`;
}

export function query(values: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}` : "";
}

// A graph as a part of a path: "churn/training" is "churn:training".
export const inPath = (graph: string) => graph.replace("/", ":");
export const graphOf = (run: RunHead) => (run.service ? `${run.service}/${run.action}` : (run.graph ?? ""));

const remedies: Record<number, string> = {
  401: "This session has ended. Type busker token link where Busker runs, and open the address that it prints.",
  429: "Too many wrong tokens came from this address. Wait a second, and try again.",
  503: "Busker cannot do that at the moment. Try again in a moment; busker status says more.",
};

async function problemIn(answer: Response): Promise<Error> {
  if (answer.status === 401) return new Error(remedies[401]);
  let detail = "";
  try {
    detail = ((await answer.json()) as { detail?: string }).detail ?? "";
  } catch {
    // No problem document: the status has to do.
  }
  const first = detail.charAt(0).toUpperCase() + detail.slice(1);
  if (answer.status === 403) return new Error(`${first}. Whoever made that token or link can make one for more.`);
  if (answer.status === 404) return new Error(`${first}. The overview lists what there is.`);
  if (first) return new Error(first.endsWith(".") ? first : `${first}.`);
  return new Error(remedies[answer.status] ?? `Busker answered ${answer.status} ${answer.statusText}; its log, where it was started, may say why.`);
}

async function ask(where: string, how?: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(where, how);
  } catch {
    throw new Error("Busker does not answer: it was stopped, or the network is down. This page goes on by itself when it is there again.");
  }
  if (!answer.ok) throw await problemIn(answer);
  return answer;
}

export async function get<T>(where: string): Promise<T> {
  return (await (await ask(where)).json()) as T;
}

export async function post<T>(where: string, body: unknown = {}): Promise<T> {
  const answer = await ask(where, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}
