// A metric over data dates: what was let pass is filled, what was refused is hollow, what is live is marked,
// and the bound that the gate asked for is a line.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { numberOf } from "./metrics";
import { plural } from "./plural";

export interface Point {
  at: number; // seconds
  value: number;
  refused: boolean;
  live: boolean;
  label: string;
}

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart({ points, name, bound, choose }: { points: Point[]; name: string; bound: (number | null)[]; choose: (place: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const pick = useRef(choose);
  pick.current = choose;
  const data = JSON.stringify([name, points, bound]);
  useEffect(() => {
    const element = box.current;
    if (!element || points.length === 0) return undefined;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      const ink = colour("--quiet"), line = colour("--line"), link = colour("--link"), good = colour("--succeeded"), bad = colour("--failed"), card = colour("--card");
      const font = `12px ${colour("--sans")}`;
      const marks = (u: uPlot) => {
        const { ctx } = u;
        ctx.save();
        ctx.setLineDash([]);
        points.forEach((point, i) => {
          const x = u.valToPos(u.data[0][i] ?? 0, "x", true), y = u.valToPos(point.value, "y", true), scale = window.devicePixelRatio;
          ctx.beginPath();
          ctx.arc(x, y, (point.live ? 6.5 : 4.5) * scale, 0, 2 * Math.PI);
          ctx.fillStyle = point.refused ? card : point.live ? good : link;
          ctx.strokeStyle = point.refused ? bad : point.live ? good : link;
          ctx.lineWidth = 2 * scale;
          ctx.fill();
          ctx.stroke();
          if (point.live) {
            ctx.font = `${600} ${12 * scale}px ${colour("--sans")}`;
            ctx.fillStyle = good;
            ctx.textAlign = x > u.bbox.left + u.bbox.width - 40 * scale ? "right" : "center";
            ctx.fillText("live", x, y - 12 * scale);
          }
        });
        ctx.restore();
      };
      const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
      plot = new uPlot({
        width: Math.max(240, element.clientWidth), height: 290, legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
        padding: [22, 40, 0, 0], // half a date on the right
        scales: { x: { time: true, range: (_, least, most) => { const room = Math.max(86_400, (most - least) * 0.04); return [least - room, most + room]; } },
          y: { range: (_, least, most) => { const room = (most - least || Math.abs(most) || 1) * 0.12; return [least - room, most + room]; } } },
        tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
        axes: [{ ...axis, size: 32, values: "{YYYY}-{MM}-{DD}", space: 90, incrs: [1, 2, 7, 14, 30, 90, 180, 365, 730, 1825, 3650].map((days) => days * 86_400) }, { ...axis, size: 74, values: (_, ticks) => ticks.map((tick) => numberOf(tick)) }],
        series: [{}, { label: name, stroke: link, width: 1.5, points: { show: false } }, { label: "gate", stroke: bad, width: 1.5, dash: [6, 4], points: { show: false }, spanGaps: true }],
        hooks: {
          draw: [marks],
          setCursor: [(u) => {
            const place = u.cursor.idx, point = place === null || place === undefined ? undefined : points[place];
            if (!tip.current) return;
            tip.current.hidden = !point || (u.cursor.left ?? -1) < 0;
            if (!point) return;
            tip.current.textContent = `${point.label}\n${name} ${numberOf(point.value)}${point.live ? ", live" : ""}${point.refused ? ", refused" : ""}`;
            const place2 = element.getBoundingClientRect();
            tip.current.style.left = `${Math.min(place2.left + (u.cursor.left ?? 0) + 90, window.innerWidth - 330)}px`;
            tip.current.style.top = `${place2.top + (u.cursor.top ?? 0) + 10}px`;
          }],
        },
      }, [points.map((point) => point.at), points.map((point) => point.value), bound], element);
      plot.over.addEventListener("click", () => {
        const place = plot?.cursor.idx;
        if (place !== null && place !== undefined) pick.current(place);
      });
    };
    draw();
    let width = element.clientWidth;
    const sized = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      draw();
    });
    sized.observe(element);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [data]);
  const values = points.map((point) => point.value);
  return (
    <figure role="img" aria-label={`${name} of ${plural(points.length, "version")}, from ${numberOf(values[0] ?? 0)} to ${numberOf(values[values.length - 1] ?? 0)}; the table below has each`}>
      <div class="chart" ref={box} aria-hidden="true" />
      <div class="tip" ref={tip} hidden aria-hidden="true" />
    </figure>
  );
}
