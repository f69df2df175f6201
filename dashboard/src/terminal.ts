// What a terminal would show of a program's output: plain text, or text in the colours that it has.

// Titles, links and movements of the cursor, an OSC and its kin with their text, where that ends; not SGR,
// which is apart.
const sgr = /(?:\x1b\[|\x9b)([0-9;:]*)m/, whole = /^(?:\x1b\[|\x9b)[0-9;:]*m$/;
const escapes = /(?:\x1b\[|\x9b)[\x20-\x3f]*[\x40-\x7e]?|\x1b[\]PX^_][^\n\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[\x20-\x2f]*[\x30-\x7e]|[\x1b\x80-\x9f]/g;

// Of a line what stands behind the last carriage return that has text behind it: the last state of a progress bar.
function last(line: string): string {
  const end = line.trimEnd();
  return end.slice(end.lastIndexOf("\r") + 1);
}

export const shownLine = (line: string) => last(line.replace(escapes, ""));
export const shown = (text: string) => text.split("\n").map(shownLine).join("\n");

export interface Span {
  text: string;
  style: string; // classes of app.css: c0 to c7, cb, cd, ci, cu
}

interface Ink {
  colour: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  under: boolean;
}

// Of 256 colours and of RGB the nearest of the eight.
function nearest(red: number, green: number, blue: number): string {
  const bit = (value: number) => (value > 127 ? 1 : 0);
  return `c${bit(red) + 2 * bit(green) + 4 * bit(blue)}`;
}
function indexed(number: number): string {
  if (number < 16) return `c${number % 8}`;
  if (number > 231) return number > 244 ? "c7" : "c0";
  const cube = number - 16;
  return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function turn(ink: Ink, codes: string): Ink {
  const next = { ...ink };
  const numbers = codes.split(/[;:]/).map((code) => Number(code || 0));
  for (let i = 0; i < numbers.length; i += 1) {
    const code = numbers[i] ?? 0;
    if (code === 0) Object.assign(next, plain);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.under = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.under = false;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) next.colour = `c${code % 10}`;
    else if (code === 39) next.colour = "";
    else if (code === 38 || code === 48) {
      const isRgb = numbers[i + 1] === 2;
      if (code === 38) next.colour = isRgb ? nearest(numbers[i + 2] ?? 0, numbers[i + 3] ?? 0, numbers[i + 4] ?? 0) : indexed(numbers[i + 2] ?? 0);
      i += isRgb ? 4 : 2;
    }
  }
  return next;
}

const plain: Ink = { colour: "", bold: false, dim: false, italic: false, under: false };
const classes = (ink: Ink) => [ink.colour, ink.bold ? "cb" : "", ink.dim ? "cd" : "", ink.italic ? "ci" : "", ink.under ? "cu" : ""].filter(Boolean).join(" ");

// One line, in pieces of one colour each. A colour ends with its line.
export function inColours(line: string): Span[] {
  if (!sgr.test(line)) return [{ text: shownLine(line), style: "" }];
  let rest = line.replace(escapes, (found) => (whole.test(found) ? found : ""));
  const end = rest.replace(/(?:\s|(?:\x1b\[|\x9b)[0-9;:]*m)+$/, "");
  rest = end.slice(end.lastIndexOf("\r") + 1);
  const spans: Span[] = [];
  let ink = plain;
  const add = (text: string) => {
    if (text) spans.push({ text, style: classes(ink) });
  };
  for (let found = sgr.exec(rest); found; found = sgr.exec(rest)) {
    add(rest.slice(0, found.index));
    ink = turn(ink, found[1] ?? "");
    rest = rest.slice(found.index + found[0].length);
  }
  add(rest);
  return spans;
}

// What a reader wants of a failed program's output: the last traceback, whole; else its last lines.
export function failureIn(text: string): string {
  const lines = shown(text).replace(/\n+$/, "").split("\n");
  if (/^the command ended with /.test(lines[lines.length - 1] ?? "")) lines.pop(); // the runner's own
  let begin = -1;
  for (let i = lines.length - 1; i >= 0; i -= 1) {
    if (/^\s*Traceback \(most recent call last\):/.test(lines[i] ?? "")) {
      begin = i;
      break;
    }
  }
  if (begin < 0) return lines.slice(-12).filter((line) => line !== "Running the action...").join("\n");
  // One that was raised while another was handled is read with it.
  for (let i = begin - 1; i >= 0 && begin - i < 200; i -= 1) {
    if (/^(During handling of the above exception|The above exception was the direct cause)/.test(lines[i] ?? "")) {
      const before = lines.slice(0, i).map((line, at) => ({ line, at })).filter(({ line }) => line.startsWith("Traceback (most recent")).pop();
      if (!before) break;
      begin = before.at;
      i = begin;
    }
  }
  return lines.slice(begin, begin + 400).join("\n");
}
