// Loads one album.

import { readAlbum } from "../client/search";
import type { Album } from "../client/types";
import { connection } from "../shell/session";
import { type Loaded, useLoaded } from "../shell/use_loaded";

export function useAlbum(id: string | null): Loaded<Album> {
  return useLoaded(id && `album ${id}`, () => readAlbum(connection, id ?? ""));
}
