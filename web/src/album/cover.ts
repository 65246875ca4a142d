// The picture of an album, with a drawn stand-in if there is no cover.

import type { VNode } from "preact";
import { useState } from "preact/hooks";

import type { Album } from "../client/types";
import { html } from "../html";

const SIZE_PX = 512;

/** Return the address of a cover if a browser can show it as a picture, else null. */
export function pictureUrl(url: string | null | undefined): string | null {
  if (!url) return null;
  try {
    const { protocol } = new URL(url, document.baseURI);
    return protocol === "https:" || protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

interface CoverProps {
  album: Album;
  sizes: string;
  /** Whether to show the original instead of a thumbnail. */
  large?: boolean;
  /** Whether the names of the album stand beside the cover. */
  isNamed?: boolean;
}

export function Cover({ album, sizes, large = false, isNamed = false }: CoverProps): VNode {
  const small = pictureUrl(album.thumbnail_urls?.["256"]);
  const medium = pictureUrl(album.thumbnail_urls?.["512"]);
  const original = pictureUrl(album.cover_url);
  // Each picture replaces the ones before it if they cannot be loaded; the first thumbnail may be either, by `srcset`.
  const isOriginal = large || !(medium ?? small);
  const sources = (isOriginal ? [original, medium, small] : [medium, small, medium]).filter((url) => url !== null);
  const name = sources.join(" ");
  // The count belongs to the pictures of one album; an effect that resets it could run after the first failure.
  const [failures, setFailures] = useState({ name, count: 0 });
  const failed = failures.name === name ? failures.count : 0;
  const source = sources[failed];
  if (source === undefined) return html`<${StandIn} album=${album} isNamed=${isNamed} />`;
  const hasBoth = !isOriginal && failed === 0 && small && medium;
  return html`<img
    key=${failed}
    class="cover"
    src=${source}
    srcset=${hasBoth ? `${small} 256w, ${medium} 512w` : undefined}
    sizes=${hasBoth ? sizes : undefined}
    width=${SIZE_PX}
    height=${SIZE_PX}
    alt=${isNamed ? "" : `Cover of ${album.album_name} by ${album.artist}`}
    loading=${large ? "eager" : "lazy"}
    decoding="async"
    referrerpolicy="no-referrer"
    onError=${() => setFailures({ name, count: failed + 1 })}
  />`;
}

/** A record in quiet colours that depend on the album, so that stand-ins differ from each other. */
function StandIn({ album, isNamed }: { album: Album; isNamed: boolean }): VNode {
  const number = hash(`${album.artist} ${album.album_name}`);
  const turn = number % 360;
  return html`<svg
    class="cover stand-in"
    viewBox="0 0 100 100"
    role="img"
    aria-hidden=${isNamed}
    aria-label=${`No cover of ${album.album_name} by ${album.artist}`}
  >
    <rect class="stand-in-paper" width="100" height="100" />
    <g transform=${`rotate(${turn} 50 50)`}>
      <circle class="stand-in-record" cx="50" cy="50" r="34" />
      ${[30, 26, 22, 18].map((radius) => html`<circle class="stand-in-groove" cx="50" cy="50" r=${radius} />`)}
      <path class="stand-in-shine" d="M50 50 L80 34 A34 34 0 0 1 84 48 Z M50 50 L20 66 A34 34 0 0 1 16 52 Z" />
      <circle cx="50" cy="50" r="11" fill=${`hsl(${(number >> 9) % 360} 38% 58%)`} />
      <circle class="stand-in-paper" cx="50" cy="50" r="1.8" />
    </g>
  </svg>`;
}

function hash(text: string): number {
  let value = 2166136261;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0;
  return value;
}
