// Loads one album.

import { getJson } from "../client/http";
import type { Album } from "../client/types";
import { connection } from "../shell/session";
import { type Loaded, useLoaded } from "../shell/use_loaded";

export function useAlbum(id: string | null): Loaded<Album> {
  return useLoaded(id && `album ${id}`, () =>
    getJson<Album>(connection, {
      path: `api/albums/${encodeURIComponent(id ?? "")}`,
      query: [
        ["include", "metadata"],
        ["include", "reviewer"],
      ],
    }),
  );
}
