// Times for people: one format, the zone always named, and one switch for all pages.
import { useLayoutEffect, useState } from "preact/hooks";

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

// What the switch says: the browser's zone, UTC, or that of the schedule which is shown.
export type Zones = "mine" | "utc" | "schedule";
const kept = "busker-zone";
let chosen: Zones = "mine";
try {
  const before = window.localStorage.getItem(kept);
  if (before === "utc" || before === "schedule") chosen = before;
} catch {
  // A browser that keeps nothing begins with its own zone each time.
}
const watchers = new Set<() => void>();

export const zones = () => chosen;
export function choose(next: Zones) {
  chosen = next;
  try {
    window.localStorage.setItem(kept, next);
  } catch {
    // As above.
  }
  watchers.forEach((watcher) => watcher());
}
export function useZones(): Zones {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    const watcher = () => draw((count) => count + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return chosen;
}

// Where a page has no schedule of its own, "the schedule's" zone is UTC.
export const zoneFor = (schedule?: string | null) => (chosen === "mine" ? browserZone : chosen === "utc" ? "UTC" : (schedule ?? "UTC"));

const formats = new Map<string, Intl.DateTimeFormat>();
function partsIn(instant: string, zone: string): Record<string, string> {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
    formats.set(zone, format);
  }
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(new Date(instant))) part[type] = value;
  return part;
}

// What the calendar and the clocks of a zone show at an instant: "2026-03-29" and "03:00".
export function inZone(instant: string, zone: string): { date: string; clock: string } {
  const part = partsIn(instant, zone);
  return { date: `${part.year}-${part.month}-${part.day}`, clock: `${part.hour}:${part.minute}` };
}

// "2026-11-29 06:00 CET"; with seconds, where they matter.
export function stamp(instant: string | null, schedule?: string | null, seconds = false): string {
  if (!instant) return "";
  const part = partsIn(instant, zoneFor(schedule));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}${seconds ? `:${part.second}` : ""} ${part.timeZoneName}`;
}
export const local = (instant: string | null) => stamp(instant, null, true);

// Two units at most, and none that is full: "59.9 s", "1 min 0 s", "2 h 5 min".
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// Of one unit: "3 min", "2 d". What is far enough away needs no more.
export function about(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function between(from: string | null, to: string | null, now: number): string {
  if (!from) return "";
  return duration(Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from)));
}

export function fromNow(instant: string | null, now: number): string {
  if (!instant) return "";
  const away = Date.parse(instant) - now;
  if (away > -1000 && away < 3000) return "just now"; // the page's clock ticks each second or two
  return away >= 0 ? `in ${about(away)}` : `${about(-away)} ago`;
}

export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

// "2026-03-29T03:00:00+02:00" as a person reads it: 2026-03-29 03:00 +02:00
export function wall(rfc3339: string): string {
  return rfc3339.replace("T", " ").replace(/(:\d\d):00(?=[+-])/, "$1 ");
}
