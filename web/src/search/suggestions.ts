// What a person can begin with: words, colours and covers from the catalog itself.

import type { VNode } from "preact";

import { Cover } from "../album/cover";
import { nameOf } from "../album/describe";
import { getJson } from "../client/http";
import { search } from "../client/search";
import type { Album, Facets, Match } from "../client/types";
import { html } from "../html";
import { NO_FILTERS, START } from "../shell/address";
import { hrefOf, onLink, useNavigation } from "../shell/navigation";
import { connection } from "../shell/session";
import { useLoaded } from "../shell/use_loaded";
import { namedColors } from "./filters/colors";
import { withAlbum } from "./query/add_album";

/** A multiple of the numbers of columns in start.css. */
const COVERS = 24;
const PHRASES = 6;
const COLORS = 7;
const GENRES = 6;

export function Suggestions({ facets }: { facets: Facets | null }): VNode {
  const albums = useLoaded("first albums", () =>
    getJson<{ albums: Album[] }>(connection, { path: "api/albums", query: [["limit", String(COVERS)]] }),
  ).value?.albums;
  return html`<div class="suggestions">
    <${Phrases} first=${albums?.[0]?.id ?? null} />
    <${Colors} facets=${facets} />
    <${Genres} facets=${facets} />
    <${Wall} albums=${albums ?? []} />
  </div>`;
}

/** Phrases such as “blue star”, each made of the words that are closest to one cover. */
function Phrases({ first }: { first: string | null }): VNode {
  const { go } = useNavigation();
  const phrases = useLoaded(first && "phrases", async () => {
    const asked = {
      parts: [{ kind: "album", id: first ?? "", weight: 1 } as const],
      filters: NO_FILTERS,
      minSimilarity: null,
      k: 50,
      offset: 0,
      explain: true,
    };
    const { result } = await search(connection, asked, { picture: () => Promise.reject(new Error("no picture")) });
    return phrasesOf(result.results);
  }).value;
  return html`<div class="suggestion-row" role="group" aria-label="Words to begin with">
    ${(phrases ?? []).map((phrase) => {
      const parts = [{ kind: "text", text: phrase, weight: 1 } as const];
      return html`<a
        key=${phrase}
        class="pill"
        href=${hrefOf({ ...START, parts })}
        onClick=${onLink(() => go({ ...START, parts }))}
        >${phrase}</a
      >`;
    })}
  </div>`;
}

export function phrasesOf(matches: readonly Match[]): string[] {
  const phrases = new Set<string>();
  for (const match of matches) {
    const words = match.explain?.words ?? [];
    const color = words.find((word) => word.group === "colour" && !word.word.includes(" "));
    const object = words.find((word) => word.group === "object");
    if (color && object && ![...phrases].some((phrase) => phrase.endsWith(` ${object.word}`))) {
      phrases.add(`${color.word} ${object.word}`);
    }
  }
  return [...phrases].slice(0, PHRASES);
}

function Colors({ facets }: { facets: Facets | null }): VNode {
  const { go } = useNavigation();
  const colors = facets === null ? [] : namedColors(facets);
  return html`<div class="suggestion-row" role="group" aria-label="Colours to begin with">
    ${colors.slice(0, COLORS).map(({ color, hex }) => {
      const filters = { ...NO_FILTERS, color: hex };
      return html`<a
        key=${hex}
        class="pill"
        href=${hrefOf({ ...START, filters })}
        onClick=${onLink(() => go({ ...START, filters }))}
        ><span class="dot" style=${{ backgroundColor: hex }}></span>${color}</a
      >`;
    })}
  </div>`;
}

function Genres({ facets }: { facets: Facets | null }): VNode {
  const { go } = useNavigation();
  const genres = (facets?.genres ?? []).flatMap(({ genre }) => (genre === null ? [] : [genre]));
  return html`<div class="suggestion-row" role="group" aria-label="Genres to begin with">
    ${genres.slice(0, GENRES).map((genre) => {
      const filters = { ...NO_FILTERS, genres: [genre] };
      return html`<a
        key=${genre}
        class="pill"
        href=${hrefOf({ ...START, filters })}
        onClick=${onLink(() => go({ ...START, filters }))}
        >${genre}</a
      >`;
    })}
  </div>`;
}

function Wall({ albums }: { albums: readonly Album[] }): VNode {
  const { go } = useNavigation();
  return html`<ul class="wall" aria-label="Covers to begin with">
    ${albums.map(
      (album) => html`<li key=${album.id}>
        <a
          href=${hrefOf({ ...START, ...withAlbum(START, album.id, 1) })}
          title=${`More like ${nameOf(album)}`}
          onClick=${onLink(() => go(withAlbum(START, album.id, 1)))}
        >
          <${Cover} album=${album} sizes="(max-width: 40rem) 30vw, 12vw" />
        </a>
      </li>`,
    )}
  </ul>`;
}
