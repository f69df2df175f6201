// What a running attempt uses, as it goes: asked once a second while somebody looks, and drawn as two lines.
import { useEffect, useState } from "preact/hooks";
import { get, path } from "./api";
import { plural } from "./plural";
import { bytes, duration } from "./time";

interface Usage {
  at: string;
  cpu_seconds: number | null;
  memory_bytes: number | null;
  processes: number | null;
}
interface Sample {
  at: number;
  cpu: number; // processors that were busy since the sample before
  memory: number;
}
interface Course {
  samples: Sample[];
  last: { at: number; seconds: number } | null;
  seconds: number;
  processes: number;
}

const each = 1000, kept = 300, width = 300, height = 44;
const courses = new Map<string, Course>(); // who leaves a page and comes back finds the line again

function add(course: Course, usage: Usage): boolean {
  if (usage.cpu_seconds === null || usage.memory_bytes === null) return false;
  const at = Date.parse(usage.at), before = course.last;
  if (before && at <= before.at) return true;
  // What was orphaned and has ended is not counted any more: no less than none was used.
  const cpu = before ? Math.max(0, (1000 * (usage.cpu_seconds - before.seconds)) / (at - before.at)) : 0;
  course.last = { at, seconds: usage.cpu_seconds };
  course.seconds = Math.max(course.seconds, usage.cpu_seconds);
  course.processes = usage.processes ?? 0;
  if (before) course.samples.push({ at, cpu, memory: usage.memory_bytes });
  course.samples.splice(0, course.samples.length - kept);
  return true;
}

function Line({ samples, of, words }: { samples: Sample[]; of: (sample: Sample) => number; words: string }) {
  const first = samples[0]?.at ?? 0, span = Math.max((samples[samples.length - 1]?.at ?? 0) - first, 20 * each);
  const most = Math.max(...samples.map(of), 1e-9) * 1.08;
  const points = samples.map((sample) => `${((width * (sample.at - first)) / span).toFixed(1)} ${(height - 1 - ((height - 4) * of(sample)) / most).toFixed(1)}`);
  const end = ((width * ((samples[samples.length - 1]?.at ?? first) - first)) / span).toFixed(1);
  return (
    <svg class="usage" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
      <path class="under" d={`M0 ${height} L${points.join(" L")} L${end} ${height} z`} />
      <path class="over" d={`M${points.join(" L")}`} />
    </svg>
  );
}

const processors = (cpu: number) => `${Math.round(100 * cpu)} %`;

export function LiveUsage({ run, task, attempt }: { run: string; task: string; attempt: number }) {
  const where = path("runs", run, "tasks", task, "attempts", attempt, "usage");
  const [, draw] = useState(0);
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const course = courses.get(where) ?? { samples: [], last: null, seconds: 0, processes: 0 };
    courses.set(where, course);
    if (courses.size > 20) courses.delete(courses.keys().next().value as string);
    const look = async () => {
      try {
        if (!document.hidden && add(course, await get<Usage>(where)) && !ended) draw((count) => count + 1);
      } catch {
        // That Busker is away is told above the page; the next look may find it again.
      }
      if (!ended) timer = window.setTimeout(() => void look(), each);
    };
    void look();
    return () => {
      ended = true;
      window.clearTimeout(timer);
    };
  }, [where]);
  const course = courses.get(where), samples = course?.samples ?? [], newest = samples[samples.length - 1];
  if (!course || !newest) return null;
  const most = (of: (sample: Sample) => number) => Math.max(...samples.map(of));
  const over = duration(newest.at - (samples[0]?.at ?? 0));
  return (
    <dl class="usages">
      <div><dt>CPU, of one processor</dt><dd><strong>{processors(newest.cpu)}</strong> <span class="quiet small">{course.seconds.toFixed(1)} s so far, {plural(course.processes, "process", "processes")}</span></dd>
        <dd><Line samples={samples} of={(sample) => sample.cpu} words={`CPU over the last ${over}: ${processors(newest.cpu)}, at most ${processors(most((sample) => sample.cpu))}`} /></dd></div>
      <div><dt>Memory</dt><dd><strong>{bytes(newest.memory)}</strong> <span class="quiet small">at most {bytes(most((sample) => sample.memory))} since one looks</span></dd>
        <dd><Line samples={samples} of={(sample) => sample.memory} words={`Memory over the last ${over}: ${bytes(newest.memory)}, at most ${bytes(most((sample) => sample.memory))}`} /></dd></div>
    </dl>
  );
}
