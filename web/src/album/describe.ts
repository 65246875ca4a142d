// Words for the fields of an album.

import type { Album } from "../client/types";
import { grouped } from "../numbers";

/** Return the year, genres and score of an album in one line. */
export function factsOf(album: Album): string[] {
  return [
    album.release_year === null ? "" : String(album.release_year),
    album.genres.join(", "),
    album.pitchfork_score === null ? "" : scoreText(album.pitchfork_score),
  ].filter(Boolean);
}

export function scoreText(score: number): string {
  return score.toFixed(1);
}

export function nameOf(album: Pick<Album, "artist" | "album_name">): string {
  return `${album.album_name}, ${album.artist}`;
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
