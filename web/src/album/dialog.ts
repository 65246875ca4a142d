// The dialog of one album: its cover, its metadata, and similar albums.

import type { VNode } from "preact";

import type { Album, Result } from "../client/types";
import { getJson } from "../client/http";
import { html } from "../html";
import { ProblemPanel } from "../problems/panel";
import { withAlbum } from "../search/query/add_album";
import { Dialog } from "../shell/dialog";
import { NO_FILTERS, START } from "../shell/address";
import { hrefOf, onLink, useNavigation } from "../shell/navigation";
import { connection } from "../shell/session";
import { useLoaded } from "../shell/use_loaded";
import { Cover } from "./cover";
import { nameOf, scoreText } from "./describe";
import { useAlbum } from "./use_album";

const SIMILAR = 12;

export function AlbumDialog({ id }: { id: string }): VNode {
  const { close } = useNavigation();
  const { value: album, error, reload } = useAlbum(id);
  const isCurrent = album?.id === id;
  return html`<${Dialog}
    label=${isCurrent && album ? nameOf(album) : "Album"}
    className="album-dialog"
    onClose=${() => close({ album: null })}
  >
    ${error !== null && html`<${ProblemPanel} error=${error} onRetry=${reload} />`}
    ${isCurrent && album && html`<${AlbumPage} album=${album} />`}
    ${error === null && !isCurrent && html`<p role="status">Loading …</p>`}
  <//>`;
}

function AlbumPage({ album }: { album: Album }): VNode {
  const { address, go } = useNavigation();
  const act = (weight: number): void => go(withAlbum(address, album.id, weight));
  const byArtist = { ...START, filters: { ...NO_FILTERS, artists: [album.artist] } };
  return html`<article class="album">
    <div class="album-cover"><${Cover} album=${album} sizes="30rem" large isNamed /></div>
    <div class="album-text">
      <h2><bdi>${album.album_name}</bdi></h2>
      <p class="album-artist">
        <a href=${hrefOf(byArtist)} onClick=${onLink(() => go(byArtist))}><bdi>${album.artist}</bdi></a>
      </p>
      ${album.best_new_music && html`<p><span class="mark">Best new music</span></p>`}
      <dl class="album-facts">
        ${facts(album).map(
          ([name, value]) => html`<div key=${name}>
            <dt>${name}</dt>
            <dd dir="auto">${value}</dd>
          </div>`,
        )}
      </dl>
      <div class="actions">
        <button type="button" class="button button-main" onClick=${() => act(1)}>More like this</button>
        <button type="button" class="button" onClick=${() => act(-0.5)}>Less like this</button>
      </div>
    </div>
    <${SimilarAlbums} id=${album.id} />
  </article>`;
}

function facts(album: Album): [string, string][] {
  const known: [string, string | null | undefined][] = [
    ["Year", album.release_year?.toString()],
    [album.genres.length === 1 ? "Genre" : "Genres", album.genres.join(", ")],
    ["Score", album.pitchfork_score === null ? null : scoreText(album.pitchfork_score)],
    ["Reviewer", album.reviewer],
    ...Object.entries(album.metadata ?? {}).map(([name, value]): [string, string | null] => [labelText(name), valueText(value)]),
  ];
  return known.filter((each): each is [string, string] => Boolean(each[1]));
}

// Values are shown as text, never as links, because a catalog may contain `javascript:` addresses.
// Nested metadata are for programs.
function valueText(value: unknown): string | null {
  if (!Array.isArray(value)) return typeof value === "object" ? null : String(value);
  return value.some((each) => Object(each) === each) ? null : value.join(", ");
}

function labelText(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function SimilarAlbums({ id }: { id: string }): VNode | null {
  const { address, go } = useNavigation();
  const { value, error } = useLoaded(`similar ${id}`, async () => {
    const path = `api/albums/${encodeURIComponent(id)}/similar`;
    const result = await getJson<Result>(connection, { path, query: [["k", String(SIMILAR)]] });
    return { id, results: result.results };
  });
  if (error !== null) return html`<p class="album-similar">Similar albums cannot be shown at the moment.</p>`;
  const results = value?.id === id ? value.results : [];
  return html`<section class="album-similar" aria-label="Similar albums">
    <h3 class="small-heading">Similar covers</h3>
    <ul>
      ${results.map(
        (match) => html`<li key=${match.id}>
          <a
            href=${hrefOf({ ...address, album: match.id })}
            title=${nameOf(match)}
            onClick=${onLink(() => go({ album: match.id }))}
          >
            <${Cover} album=${match} sizes="7rem" />
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}
