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
  return duration((to ? Date.parse(to) : now) - Date.parse(from));
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
