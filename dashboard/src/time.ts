// Times for people: in the browser's zone, with the distance from now.

export function local(instant: string | null): string {
  if (!instant) return "";
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.round((seconds % 86400) / 3600)} h`;
}

export function between(from: string | null, to: string | null, now: number): string {
  if (!from) return "";
  return duration(Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from)));
}

export function fromNow(instant: string | null, now: number): string {
  if (!instant) return "";
  const away = Date.parse(instant) - now;
  return away >= 0 ? `in ${duration(away)}` : `${duration(-away)} ago`;
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

const formats = new Map<string, Intl.DateTimeFormat>();

// What the calendar and the clocks of a zone show at an instant: "2026-03-29" and "03:00".
export function inZone(instant: string, zone: string): { date: string; clock: string } {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
    formats.set(zone, format);
  }
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(new Date(instant))) part[type] = value;
  return { date: `${part.year}-${part.month}-${part.day}`, clock: `${part.hour}:${part.minute}` };
}
