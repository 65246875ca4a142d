// Adds an album to a search, as “more like this” or “less like this”.

import type { Part } from "../../client/search";
import { type Address, PARTS_MAX } from "../../shell/address";
import { DEFAULT_TEXT } from "../use_search";

/**
 * Return the search with an album: alone if it is wanted more, beside the other parts if it is wanted less.
 * A search of filters only has no part that is wanted more, so it gets the text by which it is ranked.
 */
export function withAlbum(address: Address, id: string, weight: number): Partial<Address> {
  const part: Part = { kind: "album", id, weight };
  const others = address.parts.filter((each) => each.kind === "text" || each.id !== id);
  const wanted: Part[] = others.length ? others : [{ kind: "text", text: DEFAULT_TEXT, weight: 1 }];
  const parts = weight > 0 ? [part] : [...wanted.slice(0, PARTS_MAX - 1), part];
  return { view: "search", parts, album: null, code: false };
}
