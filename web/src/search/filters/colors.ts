// The names of the colours that a person can filter by.

import type { Facets } from "../../client/types";

/** Return the name of a colour of the facets, or the colour itself. */
export function nameOfColor(hex: string, facets: Facets | null): string {
  return facets?.colors.find((each) => each.hex === hex)?.color ?? hex;
}

export interface NamedColor {
  color: string;
  hex: string;
  count: number;
}

/** The order of the colours on the page, so that a colour keeps its place when the counts change. */
const ORDER = "red orange yellow lime green teal blue purple magenta pink brown beige black grey white".split(" ");

export function namedColors(facets: Facets): NamedColor[] {
  const known = facets.colors.filter((each): each is NamedColor => each.color !== null && each.hex !== null);
  const place = ({ color }: NamedColor): number => (ORDER.includes(color) ? ORDER.indexOf(color) : ORDER.length);
  return known.sort((a, b) => place(a) - place(b));
}
