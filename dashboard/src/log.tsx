// The log of an attempt, whatever its size: parts of it are fetched as they come into view, the server
// says where lines begin and which ones have a text, and what is written is followed until one scrolls.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Away, path, query } from "./api";
import { openStream, Patience, suspect } from "./live";
import { Problem } from "./parts";
import { go } from "./place";
import { plural } from "./plural";
import { inColours } from "./terminal";
import { bytes } from "./time";

const lineHeight = 18, tallest = 8_000_000, chunksKept = 60, lineShown = 20_000, partMost = 1_048_576, endOfLong = 65_536;
type Mark = [number, number]; // a line, and its first byte

interface Index {
  bytes: number;
  lines: number;
  cut: number;
  marks: Mark[];
  matches: Mark[];
  matched: number;
}

async function answer(where: string): Promise<Response> {
  let got: Response;
  try {
    got = await fetch(where);
  } catch {
    suspect();
    throw new Away("Busker does not answer.");
  }
  if (got.status === 404) throw new Error("Nothing is kept of what it wrote.");
  if (!got.ok) throw new Error(`Its log cannot be read at the moment (${got.status}).`);
  return got;
}

// What is known of a log. It changes in place, and tells who draws it.
class Source {
  index: Index | null = null;
  error = "";
  search = "";
  found: { matches: Mark[]; matched: number } | null = null;
  private chunks = new Map<number, string[]>(); // by number of their mark
  private asked = new Set<number>();
  private reading = false;
  private again = false;
  private ended = false;
  private patience = new Patience();

  constructor(private where: string, private draw: () => void) {}

  end() {
    this.ended = true;
    this.patience.end();
  }
  private tell() {
    if (!this.ended) this.draw();
  }
  private succeed() {
    this.error = "";
    this.patience.succeeded();
    this.tell();
  }
  private fail(fault: unknown) {
    if (this.ended) return;
    if (!(fault instanceof Away)) this.error = (fault as Error).message;
    this.patience.wait(() => this.tryAgain());
    this.tell();
  }
  private tryAgain() {
    for (const place of this.asked) if (!this.chunks.has(place)) this.asked.delete(place);
    void this.look();
    if (this.search && !this.found) void this.find(this.search);
  }

  async look() {
    try {
      const index = (await (await answer(`${this.where}/lines`)).json()) as Index;
      const before = this.index;
      if (before && index.cut !== before.cut) {
        this.chunks.clear(); // what is in the middle has moved
        this.asked.clear();
      } else if (before && index.bytes !== before.bytes) {
        this.chunks.delete(before.marks.length - 1); // it has more lines now
        this.asked.delete(before.marks.length - 1);
      }
      this.index = index;
      this.succeed();
    } catch (fault) {
      this.fail(fault);
    }
  }

  // What came behind what is known: a little of it at a time.
  async grow() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    do {
      this.again = false;
      if (!this.index || this.index.marks.length === 0 || this.index.cut > 0) await this.look();
      else await this.append();
    } while (this.again && !this.ended);
    this.reading = false;
  }

  private async append() {
    const index = this.index;
    const mark = index?.marks[index.marks.length - 1];
    if (!index || !mark) return;
    try {
      const got = await answer(`${this.where}${query({ from: mark[1] })}`);
      const next = Number(got.headers.get("X-Log-Next"));
      const text = await got.text();
      const lines = text.split("\n");
      if (text.endsWith("\n")) lines.pop();
      if (next - mark[1] >= 65_536 || lines.length > 2048) {
        await this.look(); // time for a new mark
        return;
      }
      this.chunks.set(index.marks.length - 1, lines);
      this.index = { ...index, bytes: next, lines: mark[0] + lines.length };
      this.succeed();
    } catch (fault) {
      this.fail(fault);
    }
  }

  // The line, if it is there; else it is asked for.
  line(number: number): string | null {
    const index = this.index;
    if (!index) return null;
    let low = 0, high = index.marks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((index.marks[middle]?.[0] ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    const mark = index.marks[low];
    if (!mark) return null;
    const chunk = this.chunks.get(low);
    if (chunk) return chunk[number - mark[0]] ?? "";
    this.fetch(low, mark, index.marks[low + 1]?.[1] ?? index.bytes);
    return null;
  }

  private fetch(place: number, mark: Mark, end: number) {
    if (this.asked.has(place)) return;
    this.asked.add(place);
    const length = Math.max(1, Math.min(partMost, end - mark[1]));
    const part = (from: number, bytes: number) => answer(`${this.where}${query({ from, bytes })}`).then((got) => got.text());
    // What is longer ends with one long line: of that the end matters, too, as the last state of a progress bar.
    const rest = end - mark[1] > partMost ? part(Math.max(end - endOfLong, mark[1] + partMost), endOfLong) : Promise.resolve("");
    Promise.all([part(mark[1], length), rest]).then(([begin, last]) => begin + (last ? ` ... ${last}` : "")).then((text) => {
      const lines = text.split("\n");
      if (text.endsWith("\n")) lines.pop();
      if (this.chunks.size >= chunksKept) {
        const first = this.chunks.keys().next().value as number;
        this.chunks.delete(first);
        this.asked.delete(first);
      }
      this.chunks.set(place, lines);
      this.tell();
    }).catch((fault) => this.fail(fault));
  }

  async find(part: string) {
    this.search = part;
    if (!part) {
      this.found = null;
      this.tell();
      return;
    }
    try {
      const found = (await (await answer(`${this.where}/lines${query({ q: part })}`)).json()) as Index;
      if (this.search !== part) return;
      this.found = { matches: found.matches, matched: found.matched };
      this.tell();
    } catch (fault) {
      this.fail(fault);
    }
  }
}

const isCut = (text: string) => /^\[\.\.\. [\d,]+ bytes cut \.\.\.\]$/.test(text);

// Of a long line its begin; of a progress bar, which begins anew again and again, its end.
function inSight(text: string): string {
  if (text.length <= lineShown) return text;
  const end = text.slice(-lineShown), begins = end.indexOf("\r");
  return begins >= 0 ? end.slice(begins + 1) : `${text.slice(0, lineShown)} ...`;
}

function Line({ number, text, found, at, choose }: { number: number; text: string | null; found: boolean; at: boolean; choose: (line: number) => void }) {
  const spans = text === null ? [] : inColours(inSight(text));
  return (
    <div class={`line${found ? " found" : ""}${at ? " at" : ""}${text !== null && isCut(text) ? " cut" : ""}`}>
      <span class="n" title="Link to this line" onClick={() => choose(number)}>{number + 1}</span>
      <span class="t">{text === null ? "..." : spans.map((span, i) => (span.style ? <span key={i} class={span.style}>{span.text}</span> : span.text))}{"\n"}</span>
    </div>
  );
}

// `line`: the one that the address names, from 0; null: none. `here`: the address of this log.
export function Log({ run, task, attempt, live, line, here }: { run: string; task: string; attempt: number; live: boolean; line: number | null; here: string }) {
  const where = path("runs", run, "tasks", task, "attempts", attempt, "log");
  const [, draw] = useState(0);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [follow, setFollow] = useState(line === null);
  const [wrap, setWrap] = useState(false);
  const [text, setText] = useState("");
  const [hit, setHit] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const placed = useRef(-1); // where a scroll of ours went: it is no scroll of the reader's
  const source = useMemo(() => new Source(where, () => draw((count) => count + 1)), [where]);

  useEffect(() => {
    void source.look();
    const close = live ? openStream(`${where}/live`, (data) => {
      const said = JSON.parse(data) as { end?: boolean };
      if (said.end) close();
      void source.grow();
    }, () => {}) : () => {};
    return () => {
      close();
      source.end();
    };
  }, [source, live]);

  const index = source.index;
  const lines = index?.lines ?? 0;
  const full = lines * lineHeight, tall = Math.min(full, tallest);
  const visible = Math.ceil(height / lineHeight) + 1;
  const room = Math.max(1, tall - height), span = Math.max(0, full - height);
  const exact = full > height ? (top / room) * span : 0; // in the pixels of a log that is not squeezed
  const first = Math.max(0, Math.min(Math.floor(exact / lineHeight), lines - 1));
  const count = Math.min(lines - first, visible + 1);
  const atEnd = full > height && exact >= span - 2;

  const scrollTo = (pixels: number) => {
    const element = box.current;
    if (!element) return;
    const to = span > 0 ? (Math.max(0, Math.min(span, pixels)) / span) * room : 0;
    if (Math.abs(element.scrollTop - to) < 1) return;
    element.scrollTop = to;
    placed.current = element.scrollTop;
    setTop(element.scrollTop);
  };
  const showLine = (number: number) => {
    setFollow(false);
    scrollTo(number * lineHeight - height / 3);
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const sized = new ResizeObserver(() => setHeight(element.clientHeight));
    sized.observe(element);
    setHeight(element.clientHeight);
    return () => sized.disconnect();
  }, [index === null]);
  useLayoutEffect(() => {
    if (follow) scrollTo(full);
  }, [follow, lines, height, wrap]);
  useLayoutEffect(() => {
    if (index && line !== null) showLine(line);
  }, [index === null, line, source]);

  // One search a moment, not one a letter.
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setHit(0);
      void source.find(text);
    }, 200);
    return () => window.clearTimeout(timer);
  }, [text, source]);
  const matches = source.found?.matches ?? [];
  const at = matches[hit]?.[0] ?? null;
  useLayoutEffect(() => {
    if (at !== null) showLine(at);
  }, [at, source.found]);
  const step = (by: number) => setHit((before) => (matches.length ? (before + by + matches.length) % matches.length : 0));

  const foundLines = useMemo(() => new Set(matches.map(([number]) => number)), [source.found]);
  const scrolled = () => {
    const now = box.current?.scrollTop ?? 0;
    setTop(now);
    if (Math.abs(now - placed.current) < 2) return;
    placed.current = -1;
    setFollow(live && (box.current ? now >= box.current.scrollHeight - box.current.clientHeight - 4 : false));
  };
  const rows = Array.from({ length: Math.max(0, count) }, (_, i) => first + i);
  const offset = tall < full || wrap ? top : first * lineHeight;
  return (
    <div class="logbox">
      <div class="logbar">
        <label><span class="hidden">Search</span><input type="search" placeholder="Search this log" aria-label="Search" value={text} onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => { if (event.key === "Enter") step(event.shiftKey ? -1 : 1); }} /></label>
        {text && source.found ? (
          <span class="row" role="status">
            {source.found.matched === 0 ? <span class="quiet">no line has that</span> : <>
              <span>{(hit + 1).toLocaleString()} of {plural(source.found.matched, "line")}{source.found.matched > matches.length ? `, the first ${matches.length.toLocaleString()} can be gone through` : ""}</span>
              <button type="button" class="plain" title="Previous line with it" onClick={() => step(-1)}><span aria-hidden="true">↑</span><span class="hidden">Previous line with it</span></button>
              <button type="button" class="plain" title="Next line with it" onClick={() => step(1)}><span aria-hidden="true">↓</span><span class="hidden">Next line with it</span></button>
            </>}
          </span>
        ) : null}
        <span class="quiet small">{index ? `${plural(lines, "line")}, ${bytes(index.bytes)}${index.cut > 0 ? `; ${bytes(index.cut)} in the middle were not kept` : ""}` : "reading..."}</span>
        <button type="button" class="plain" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>Wrap</button>
        {live ? <button type="button" class="plain" aria-pressed={follow} onClick={() => setFollow(!follow)}>Follow</button> : null}
        <a class="button" href={`${where}?from=0`} download={`${run}-${task}-${attempt}.log`} onClick={(event) => {
          event.preventDefault();
          void download(where, `${run}-${task}-${attempt}.log`);
        }}>Download</a>
      </div>
      <Problem message={source.error} />
      <div class={`log${wrap ? " wrap" : ""}${index && !live && lines < 24 && !wrap ? " few" : ""}`} ref={box} tabIndex={0} role="log" aria-live="off" aria-label={`What ${task} wrote`} onScroll={scrolled}>
        {index && lines === 0 ? <div class="line"><span class="n" /><span class="t quiet">{live ? "It has written nothing yet." : "It wrote nothing."}</span></div> : null}
        <div class="tall" ref={(element) => { if (element) element.style.height = `${tall}px`; }}>
          <div class="lines" ref={(element) => {
            if (!element) return;
            const isLast = atEnd && wrap;
            element.style.top = isLast ? "auto" : `${offset}px`;
            element.style.bottom = isLast ? "0" : "auto";
          }}>
            {rows.map((number) => <Line key={number} number={number} text={source.line(number)} found={foundLines.has(number)} at={number === (at ?? line)}
              choose={(chosen) => go(`${here}/L${chosen + 1}`)} />)}
          </div>
        </div>
      </div>
      {live && !follow ? <button type="button" class="more" onClick={() => setFollow(true)}>↓ Newest lines</button> : null}
    </div>
  );
}

// All of it, part by part: an answer has 1 MiB at most.
async function download(where: string, name: string) {
  const parts: ArrayBuffer[] = [];
  for (let from = 0; ;) {
    const got = await answer(`${where}${query({ from })}`);
    const part = await got.arrayBuffer();
    if (part.byteLength === 0) break;
    parts.push(part);
    from = Number(got.headers.get("X-Log-Next"));
  }
  const url = URL.createObjectURL(new Blob(parts, { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
