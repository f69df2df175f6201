// What a terminal would show of a program's output, as plain text.

// Colours, titles, links and movements of the cursor; an OSC and its kin with their text, where that ends.
const escapes = /(?:\x1b\[|\x9b)[\x20-\x3f]*[\x40-\x7e]?|\x1b[\]PX^_][^\n\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[\x20-\x2f]*[\x30-\x7e]|[\x1b\x80-\x9f]/g;

// Of each line what stands behind the last carriage return that has text behind it: the last state of a progress bar.
export function shown(text: string): string {
  return text.replace(escapes, "").split("\n").map((line) => {
    const end = line.trimEnd();
    return end.slice(end.lastIndexOf("\r") + 1);
  }).join("\n");
}
