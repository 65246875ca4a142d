// The albums whose name a person may be typing.

import type { VNode } from "preact";

import { Cover } from "../../album/cover";
import { getJson } from "../../client/http";
import type { FoundAlbum } from "../../client/types";
import { html } from "../../html";
import { hrefOf, onLink, useNavigation } from "../../shell/navigation";
import { connection } from "../../shell/session";
import { useLoaded } from "../../shell/use_loaded";

const SHOWN = 3;
/** The limit of the parameter `q`. */
const NAME_MAX_CHARS = 200;

export function NamedAlbums({ text }: { text: string }): VNode | null {
  const { address, go } = useNavigation();
  const loaded = useLoaded(`names ${text}`, async () => {
    const query = [
      ["q", text.slice(0, NAME_MAX_CHARS)],
      ["limit", String(SHOWN)],
    ] as const;
    const { albums } = await getJson<{ albums: FoundAlbum[] }>(connection, { path: "api/albums", query });
    return { text, albums: albums.filter((album) => album.match === "exact" || album.match === "prefix") };
  });
  // The albums of the previous text are not those of this text.
  const albums = loaded.value?.text === text ? loaded.value.albums : [];
  if (!albums.length) return null;
  return html`<section class="named" aria-label="Albums with this name">
    <h2 class="small-heading">By name</h2>
    <ul>
      ${albums.map(
        (album) => html`<li key=${album.id}>
          <a class="named-album" href=${hrefOf({ ...address, album: album.id })} onClick=${onLink(() => go({ album: album.id }))}>
            <${Cover} album=${album} sizes="48px" isNamed />
            <span><bdi class="named-title">${album.album_name}</bdi><bdi class="named-artist">${album.artist}</bdi></span>
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}
