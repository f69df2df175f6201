// Where one is: the address behind "#", as parts of a path and what is asked of the page, so that a
// filter survives Back, and can be sent to somebody.
import { useLayoutEffect, useState } from "preact/hooks";

export interface Place {
  path: string[];
  query: URLSearchParams;
}

export function read(): Place {
  const [path = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
  const decoded = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

export function usePlace(moved?: (before: Place, after: Place) => void): Place {
  const [place, setPlace] = useState(read);
  // Before anything else happens: an effect waits for the next frame, and an address that changes until then
  // would be one that nobody heard of.
  useLayoutEffect(() => {
    let before = read();
    const hear = () => {
      const after = read();
      moved?.(before, after);
      before = after;
      setPlace(after);
    };
    window.addEventListener("hashchange", hear);
    window.addEventListener("busker-place", hear);
    return () => {
      window.removeEventListener("hashchange", hear);
      window.removeEventListener("busker-place", hear);
    };
  }, []);
  return place;
}

// The address of here with some of what is asked changed; empty: not asked.
export function hashWith(place: Place, changes: Record<string, string>): string {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return `#/${place.path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

// Changes what is asked without a step of its own for Back: for what is typed.
export function ask(place: Place, changes: Record<string, string>) {
  window.history.replaceState(null, "", hashWith(place, changes));
  window.dispatchEvent(new Event("busker-place"));
}

export const go = (hash: string) => {
  window.location.hash = hash;
};
