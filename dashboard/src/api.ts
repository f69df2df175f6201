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
  boot_seconds: number | null; // this and the next two: of one that had a machine of its own
  pull_seconds: number | null;
  machine_seconds: number | null;
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
  scheduled_at: string; // the instant that the date is of
  requested_at: string;
  started_at: string | null;
  ended_at: string | null;
  trigger: string;
  requested_by: string;
  target: string | null;
  batch?: string | null;
  gate?: { passed: boolean | null; why: string } | null;
}
export interface Run extends RunHead {
  tasks: Task[];
}
export interface Graph {
  graph: string;
  service: string | null;
  action: string | null;
  schedule: string | null;
  time_zone: string;
  next: string | null;
  paused: boolean;
  paused_by: string | null;
  after: string[];
  trouble: Trouble | null;
  last_success: string | null;
  last_run: RunHead | null;
  recent?: Recent[]; // this and the next: where they were asked for
  last_delivery?: { id: string; table: string; rows: number; data_date: string; delivered_at: string } | null;
  explained?: string; // of a single one alone
}
export interface Recent {
  id: string;
  state: State;
  message: string;
  data_date: string;
  requested_at: string;
  started_at: string | null;
  ended_at: string | null;
  trigger: string;
}
export interface DataDate {
  date: string;
  state: State | null; // null: its schedule has it, and it never ran
  run: string | null;
  message: string;
  trigger: string;
  runs: number;
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
  undelivered: { to: string; why: string | null; notices: number; tries: number; next_try: string }[];
  online?: Online[];
  uncopied: { to: string; why: string | null; runs: number; tries: number; next_try: string }[];
  debts: Debt[];
  runs_unfinished: number;
  attempts_running: number;
}
export interface Debt { // what an attempt had in a cloud, and could not be deleted so far
  what: string;
  where: string;
  why: string;
  since: string;
  run: string | null;
}
export interface Live {
  version: string;
  key: string;
  by: string;
  why: string;
  at: string;
  can_roll_back: boolean;
  check?: string | null; // what the check before it went live came to; this and the next: where there is such a thing
  pin?: { by: string; why: string; at: string } | null;
  number?: number; // this and the next three: in the list of services
  data_date?: string;
  saved_at?: string;
  metrics?: Record<string, number>;
}
export interface Online { // from which version predictions are answered
  service?: string;
  version: string | null;
  wanted: string | null;
  behind: boolean;
  since: string | null;
  because: string | null;
}
export interface Service {
  online?: Online | null;
  service: string;
  version: string;
  versions: number | null;
  live: Live | null;
  promote_when?: Record<string, string>; // by action
  waits?: Waiting | null;
  unreadable: string | null;
}
export interface Waiting { // a version that passed, and is live when somebody approves it
  version: string;
  why: string;
  run: string;
  at: string;
}
export interface Version {
  waits?: boolean;
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
  files: number;
  source_commit: string | null;
  folder_commit: string | null;
  image: string | null;
  environment: { python: string; packages: number; sha256: string } | null;
}
export interface Whole extends Version {
  contents: File[];
  packages: Record<string, string>;
  config_sha256: string | null;
  input: string | null;
}
export interface Delivery {
  service?: string;
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
  columns: Record<string, string>;
}
export interface DeliveredTable {
  table: string;
  service: string;
  deliveries: number;
  newest: Omit<Delivery, "columns"> | null; // that was not undone; null: all were
  recent: { data_date: string; rows: number; run: string }[]; // of the latest data dates, the oldest first
}
export interface TableRows {
  table: string;
  columns: { name: string; type: string }[];
  names: string[];
  rows: (string | boolean | null)[][] | null;
  why: string | null;
  action?: string | null; // this and the next two: what the service's file says
  write?: string | null;
  rows_min?: number | null;
}
export interface TableColumns {
  rows: number | null;
  columns: { name: string; type: string; nulls: number; least: string | boolean | null; most: string | boolean | null }[];
  why: string | null;
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
  days: { date: string; begins: string; count: number; graphs: number; failed: number }[];
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
  401: "This session has ended. Type busker open where Busker runs: it opens the dashboard, or prints an address that does.",
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

// Nobody answered at all.
export class Away extends Error {}

async function ask(where: string, how?: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(where, how);
  } catch {
    throw new Away("Busker does not answer.");
  }
  if (!answer.ok) throw await problemIn(answer);
  return answer;
}

export async function get<T>(where: string): Promise<T> {
  return (await (await ask(where)).json()) as T;
}

export async function getText(where: string): Promise<string> {
  return (await ask(where)).text();
}

export async function post<T>(where: string, body: unknown = {}): Promise<T> {
  const answer = await ask(where, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}
