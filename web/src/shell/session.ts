// The connection to the service, and the API key, which is kept until the tab is closed.

import type { Connection } from "../client/http";

const KEY = "cover-search.key";

export const connection: Connection = { base: new URL("../", document.baseURI), key: readKey };

// A browser that blocks cookies refuses the storage too, and a full storage refuses the key; the key is then kept until the
// page is left.
let kept: string | null = null;

export function readKey(): string | null {
  try {
    return kept ?? sessionStorage.getItem(KEY);
  } catch {
    return kept;
  }
}

export function keepKey(key: string): void {
  kept = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // The page goes on with the key in memory.
  }
}

/** Return the characters that a header can carry; keys have no others, but copied texts may have invisible ones. */
export function keyIn(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, "");
}

/** Take the key from the fragment of the address, as in `#key=…`, and erase the fragment at once; return whether there was one. */
export function takeKeyFromAddress(): boolean {
  const [, key] = /^#key=(.+)$/.exec(location.hash) ?? [];
  if (key === undefined) return false;
  history.replaceState(history.state, "", location.pathname + location.search);
  keepKey(keyIn(key));
  return true;
}
